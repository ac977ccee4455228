package trace

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dmwake/dmwake/harness/printable"
)

// Exchange is one HTTP request of a device and the answer to it.
type Exchange struct {
	At                 time.Time
	Method, URL, Proto string // the URL is absolute
	Header             http.Header
	Request            []byte
	Status             int // 0: no answer was recorded
	Reply              http.Header
	Response           []byte
}

// recordingMark starts a recording, which has one text for each exchange:
//
//	-> TIME METHOD URL PROTO, N bytes
//	Name: value
//
//	the body, N bytes as they were sent
//	<- STATUS, N bytes
//	Name: value
//
//	the body of the answer
//
// A line that starts with "== " outside of an exchange is for people.
const recordingMark = "dmwake recording 1\n"

const (
	timeForm   = "2006-01-02T15:04:05.000Z"
	maxHeaders = 200 // of one message
)

// text is the exchange as a recording has it.
func (x *Exchange) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "-> %s %s %s %s, %d bytes\n", x.At.UTC().Format(timeForm), oneWord(x.Method), oneWord(x.URL), oneWord(x.Proto), len(x.Request))
	writeHeader(&b, x.Header)
	b.Write(x.Request)
	fmt.Fprintf(&b, "\n<- %d, %d bytes\n", x.Status, len(x.Response))
	writeHeader(&b, x.Reply)
	b.Write(x.Response)
	b.WriteString("\n")
	return b.Bytes()
}

// oneWord makes s a word of a line, as strings.Fields reads one: every space of
// Unicode ends it.
func oneWord(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == ',' {
			return '_'
		}
		return r
	}, printable.Line(s))
	if s == "" {
		return "-"
	}
	return s
}

func writeHeader(b *bytes.Buffer, h http.Header) {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range h[name] {
			fmt.Fprintf(b, "%s: %s\n", name, printable.Line(v))
		}
	}
	b.WriteString("\n")
}

// ParseRecording reads a recording. ok is false if text is something else. damaged
// is how many exchanges were incomplete, as after a full disk; they are left out.
func ParseRecording(text string) (list []Exchange, damaged int, ok bool) {
	rest, ok := strings.CutPrefix(text, recordingMark)
	if !ok {
		return nil, 0, false
	}
	for rest != "" {
		if !strings.HasPrefix(rest, "-> ") {
			line, after, _ := strings.Cut(rest, "\n")
			if line != "" && !strings.HasPrefix(line, "== ") {
				damaged++
				after = nextExchange(rest)
			}
			rest = after
			continue
		}
		x, after, good := readExchange(rest)
		if !good {
			damaged++
			rest = nextExchange(rest)
			continue
		}
		list, rest = append(list, x), after
	}
	return list, damaged, true
}

// nextExchange is the text from the next line that starts an exchange.
func nextExchange(s string) string {
	if i := strings.Index(s, "\n-> "); i >= 0 {
		return s[i+1:]
	}
	return ""
}

func readExchange(s string) (x Exchange, rest string, ok bool) {
	line, s, _ := strings.Cut(s, "\n")
	words := strings.Fields(line)
	if len(words) != 7 {
		return x, "", false
	}
	var err error
	if x.At, err = time.Parse(timeForm, words[1]); err != nil {
		return x, "", false
	}
	x.Method, x.URL, x.Proto = words[2], words[3], strings.TrimSuffix(words[4], ",")
	if x.Header, x.Request, s, ok = readPart(s, words[5]); !ok {
		return x, "", false
	}
	line, s, _ = strings.Cut(s, "\n")
	words = strings.Fields(line)
	if len(words) != 4 || words[0] != "<-" {
		return x, "", false
	}
	if x.Status, err = strconv.Atoi(strings.TrimSuffix(words[1], ",")); err != nil {
		return x, "", false
	}
	x.Reply, x.Response, s, ok = readPart(s, words[2])
	return x, s, ok
}

// readPart reads headers and a body of size bytes, and the line break after it.
func readPart(s, size string) (h http.Header, body []byte, rest string, ok bool) {
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 {
		return nil, nil, "", false
	}
	h = http.Header{}
	for range maxHeaders {
		line, after, found := strings.Cut(s, "\n")
		if !found {
			return nil, nil, "", false
		}
		if s = after; line == "" {
			if len(s) <= n || s[n] != '\n' {
				return nil, nil, "", false
			}
			return h, []byte(s[:n]), s[n+1:], true
		}
		name, value, found := strings.Cut(line, ": ")
		if !found {
			return nil, nil, "", false
		}
		h.Add(name, value)
	}
	return nil, nil, "", false
}
