package paste

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// minRun is the least length of a document in base64, or of its first line.
const minRun = 60

// nextRun is where the next run of base64 starts that is long enough; -1 without one.
func nextRun(s string, from int) int {
	for i := from; i < len(s); i++ {
		if !is64(s[i]) || s[i] == '=' {
			continue
		}
		start := i
		for i < len(s) && is64(s[i]) && s[i] != '=' {
			i++
		}
		if i-start >= minRun {
			return start
		}
	}
	return -1
}

// starts64 matches the start of a document in base64: <SyncML, <?xml, <s:Envelope,
// and < in UTF-16 with and without its mark.
var starts64 = regexp.MustCompile(`(?:PFN5bmNNT|PD94bWwg|77u/P|PHM6RW52|PHNvYXA6|//48AFMA|PABTAHkA|//48AD8A)[A-Za-z0-9+/_-]{24}`)

// minLine is the length from which a line of base64 may go on in the next.
const minLine = 60

// inBase64 finds the documents that a text has in base64.
func inBase64(s string) (out []place) {
	for from := 0; ; {
		at := nextRun(s, from)
		if at < 0 {
			return out
		}
		end := end64(s, at)
		from = end
		if b := decode64(s[at:end]); b != nil {
			if t, err := decode(b); err == nil && mayHave(t.text) {
				out = append(out, place{from: at, to: end, decoded: t.text, base64: true})
			}
		}
	}
}

// mayHave reports whether a text that was in base64 has a document, or one in base64.
func mayHave(s string) bool {
	return strings.Contains(s, "SyncML") || strings.Contains(s, "Envelope") || starts64.MatchString(s)
}

func is64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_' || c == '='
}

// end64 is where a value in base64 ends that starts at i. It goes on in the next line
// if that has nothing else, and starts no document.
func end64(s string, i int) int {
	start := i
	for {
		for i < len(s) && is64(s[i]) {
			i++
		}
		if i-start < minLine || i >= len(s) || s[i-1] == '=' {
			return i
		}
		next := i
		if s[next] == '\r' {
			next++
		}
		if next >= len(s) || s[next] != '\n' {
			return i
		}
		next++
		k := next
		for k < len(s) && is64(s[k]) {
			k++
		}
		if k == next || k < len(s) && s[k] != '\n' && s[k] != '\r' || starts64.MatchString(s[next:min(k, next+64)]) {
			return i
		}
		start, i = next, k
	}
}

// decode64 decodes base64 of both alphabets, in lines, with and without padding; what
// is cut off at its end is left out. nil: it is none.
func decode64(s string) []byte {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\r', '\n', '=':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		}
		return r
	}, s)
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		// The last bits of a cut value may be no zeros.
		if b, err = base64.RawStdEncoding.DecodeString(s[:len(s)/4*4]); err != nil {
			return nil
		}
	}
	return b
}
