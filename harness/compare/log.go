package compare

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"

	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// opening starts a message in a text.
var opening = regexp.MustCompile(`<([\w.-]+:)?(SyncML|Envelope)[\s>]`)

// log finds the messages in a text, and the request lines and headers before them.
func (f *File) log(text string) (out []*Step, err error) {
	if !opening.MatchString(text) && strings.Contains(text, "&lt;") {
		text = html.UnescapeString(text)
	}
	l, n := logReader{}, 0
	for {
		at := opening.FindStringSubmatchIndex(text)
		if at == nil {
			break
		}
		n++
		l.between(text[:at[0]])
		name := text[at[4]:at[5]]
		if at[2] >= 0 {
			name = text[at[2]:at[3]] + name
		}
		end := strings.Index(text[at[0]:], "</"+name+">")
		if end < 0 {
			if len(l.out) == 0 {
				return nil, fmt.Errorf("message %d is cut: </%s> is missing", n, name)
			}
			f.note("message %d of the file is cut: </%s> is missing", n, name)
			return l.out, nil
		}
		end += at[0] + len("</"+name+">")
		if err := l.document(text[at[0]:end]); err != nil {
			return nil, fmt.Errorf("message %d: %w", n, err)
		}
		text = text[end:]
	}
	if n == 0 {
		return nil, errors.New("it contains no message: neither SyncML (<SyncML ...>) nor a SOAP envelope of an enrollment")
	}
	l.between(text)
	if l.answers > 0 {
		f.note("%s after no request left out", wording.Counted(l.answers, "answer of a server that stands", "answers of a server that stand"))
	}
	return l.out, nil
}

// logReader collects the steps of a log.
type logReader struct {
	out     []*Step
	answers int
	// next is a request whose body has not come yet; nil without a request line.
	next *Step
	// reply is the step that the headers of an answer belong to.
	reply *Step
}

var (
	requestLine = regexp.MustCompile(`^"?(GET|POST) (\S+) (HTTP/[\d.]+)$`)
	statusLine  = regexp.MustCompile(`^(?:HTTP/[\d.]+|<- HTTP) (\d{3})\b`)
	sessionLine = regexp.MustCompile(`^-> message \d+: POST (\S+) \(`) // of dmwake test --trace
	headerLine  = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]{1,40}): (.+)$`)
	spaced      = regexp.MustCompile(`>\s+<`)
)

// between reads the text before a message.
func (l *logReader) between(text string) {
	for line := range strings.Lines(text) {
		if len(line) > 1 && len(line) < maxLine {
			l.line(strings.TrimSpace(line))
		}
	}
}

// maxLine bounds a line that may be a header, in bytes.
const maxLine = 16 << 10

func (l *logReader) line(line string) {
	switch {
	case strings.Contains(line, " HTTP/"):
		if m := requestLine.FindStringSubmatch(line); m != nil {
			l.bodyless()
			l.next, l.reply = &Step{Exchange: trace.Exchange{Method: m[1], URL: m[2], Proto: m[3], Header: http.Header{}}, Headers: SomeHeaders}, nil
		}
	case strings.HasPrefix(line, "-> message "):
		if m := sessionLine.FindStringSubmatch(line); m != nil {
			l.next, l.reply = &Step{Exchange: trace.Exchange{Method: http.MethodPost, URL: m[1], Header: http.Header{}}}, nil
		}
	case strings.HasPrefix(line, "HTTP/"), strings.HasPrefix(line, "<- HTTP "):
		if m := statusLine.FindStringSubmatch(line); m != nil {
			l.status(m[1])
		}
	case l.reply != nil || l.next != nil:
		m := headerLine.FindStringSubmatch(line)
		switch {
		case m == nil:
		case l.reply != nil:
			l.reply.Reply.Add(m[1], m[2])
		default:
			l.next.Header.Add(m[1], m[2])
		}
	}
}

// status takes the status line of an answer.
func (l *logReader) status(code string) {
	l.bodyless()
	if len(l.out) == 0 || l.out[len(l.out)-1].Status != 0 {
		return
	}
	l.reply = l.out[len(l.out)-1]
	l.reply.Status, l.reply.Reply = number(code), http.Header{}
}

// bodyless takes a request without a body, such as the GET of discovery.
func (l *logReader) bodyless() {
	if s := l.next; s != nil && s.Method == http.MethodGet && s.identify() {
		l.out = append(l.out, s)
	}
	l.next = nil
}

// document takes a message.
func (l *logReader) document(doc string) error {
	kind, e := envelopeKind(doc)
	var m *syncml.Message
	if e == nil {
		var err error
		if m, err = syncml.Read([]byte(doc)); err != nil {
			return err
		}
		kind = Message
	}
	if kind == "" || m != nil && !trace.ByDevice(m) {
		l.answered(doc, m)
		return nil
	}
	s := l.next
	if s == nil || s.Method != http.MethodPost {
		l.bodyless()
		s = &Step{}
	}
	s.Request, s.Exact, s.Kind, s.envelope, s.message = []byte(doc), !spaced.MatchString(doc), kind, e, m
	l.out, l.next, l.reply = append(l.out, s), nil, nil
	return nil
}

// answered takes a server's message.
func (l *logReader) answered(doc string, m *syncml.Message) {
	if len(l.out) == 0 || l.out[len(l.out)-1].Response != nil || m == nil != (l.out[len(l.out)-1].message == nil) {
		l.answers++
		return
	}
	last := l.out[len(l.out)-1]
	last.Response, last.reply = []byte(doc), m
	if last.Status == 0 {
		last.Status = http.StatusOK
	}
}
