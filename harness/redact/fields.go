package redact

import (
	"regexp"
	"strings"
)

// keys are the last words of the names of secret fields: admin_password,
// clientSecret, client_assertion.
var keys = func() []string {
	out := []string{"password", "passwd", "passphrase", "passcode", "pwd", "psk", "secret", "assertion", "wresult", "credential", "credentials", "pfxcertblob", "authdata"}
	for _, words := range []string{"access token", "refresh token", "id token", "auth token", "device token", "user token", "api key", "private key", "access key", "shared key", "product key"} {
		first, second, _ := strings.Cut(words, " ")
		out = append(out, first+second, first+"_"+second, first+"-"+second)
	}
	return out
}()

// fieldAfter matches the text between the name of a field and its value: the quote
// after the name, the sign, the quote before the value.
var fieldAfter = regexp.MustCompile(`(?i)^(` + quote + `)?\s*(:|=|%3a|%3d)\s*(` + quote + `)?`)

// hideFields hides the values of fields: "password": "..." of JSON at any depth of
// escaping, password=... of a form, access_token: ... of YAML and printed maps.
func hideFields(s string) string {
	w := walk(s, keys)
	for {
		key, p, from, ok := w.find()
		if !ok {
			return w.done()
		}
		w.keep(from)
		m := fieldAfter.FindStringSubmatchIndex(after(s, from))
		if m == nil {
			continue
		}
		at, end := from+m[1], 0
		switch rest := s[at:]; {
		case m[6] >= 0:
			end = endQuote(s, at, s[from+m[6]:at])
		case strings.ContainsAny(s[from+m[4]:from+m[5]], "=dD"):
			end = until(s, at, "&\"'<> \t\r\n")
		case m[2] >= 0 && rest != "" && strings.ContainsRune("-0123456789", rune(rest[0])), // a number in JSON
			// otherwise, only names that do not occur in sentences
			strings.HasSuffix(key, "_token") || key == "secret" && strings.HasSuffix(w.low[:p], "client_"):
			end = until(s, at, ",}]&\"'<>\\ \t\r\n")
		}
		if end > at {
			w.keep(at)
			w.put(end, hideAll(s[at:end]))
		}
	}
}

// until returns the position of the first of the characters, skipping text that was
// hidden before.
func until(s string, from int, chars string) int {
	for i := from; i < len(s); i++ {
		if strings.HasPrefix(s[i:], Hidden) {
			i += len(Hidden) - 1
		} else if strings.IndexByte(chars, s[i]) >= 0 {
			return i
		}
	}
	return len(s)
}

// endQuote returns the end of a quoted string that starts at from, after the quote
// q; len(s) if it was cut.
func endQuote(s string, from int, q string) int {
	level := strings.TrimRight(q, `"'`)
	if strings.Trim(level, `\`) != "" {
		if n := strings.Index(s[from:], q); n >= 0 { // &quot; or %22
			return from + n
		}
		return len(s)
	}
	mark, run := q[len(q)-1], 0
	for i := from; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			run++
			continue
		case s[i] == mark && ends(run, len(level)):
			return i - min(run, len(level))
		}
		run = 0
	}
	return len(s)
}

// ends reports whether a quote after run backslashes ends a string whose own quotes
// have level backslashes: 1 for JSON in JSON, 3 for one level more.
func ends(run, level int) bool {
	for ; level > 0; level = (level - 1) / 2 {
		if run%2 == 0 {
			return true // the quote ends the string around this one
		}
		run = (run - 1) / 2
	}
	return run%2 == 0
}

var (
	secretHeaders = []string{"authorization", "cookie", "devicetoken", "x-api-key", "x-auth-token"}
	headerAfter   = regexp.MustCompile(`(?i)^` + quote + `?\s*(?::|=|%3a)[ \t]*(\[|` + quote + `)?`)
)

// schemes of Authorization are shown; the rest of the value is hidden.
var schemes = map[string]bool{"bearer": true, "basic": true, "digest": true, "negotiate": true, "ntlm": true, "token": true, "apikey": true, "oauth": true, "wsse": true, "key": true}

// hideHeaders hides the values of headers with credentials, in an HTTP dump, in a
// printed http.Header and in JSON.
func hideHeaders(s string) string {
	w := walk(s, secretHeaders)
	for {
		_, _, from, ok := w.find()
		if !ok {
			return w.done()
		}
		w.keep(from)
		m := headerAfter.FindStringSubmatchIndex(after(s, from))
		if m == nil {
			continue
		}
		at, end := from+m[1], 0
		switch {
		case m[2] < 0:
			end = until(s, at, "\r\n<")
		case strings.HasPrefix(s[at-1:], Hidden):
			continue // hidden before
		case s[at-1] == '[':
			end = until(s, at, "]\r\n")
		default:
			end = endQuote(s, at, s[from+m[2]:at])
		}
		w.keep(at)
		w.put(end, hideHeader(s[at:end]))
	}
}

func hideHeader(v string) string {
	word, rest, _ := strings.Cut(v, " ")
	switch low := strings.ToLower(word); {
	case strings.TrimSpace(v) == "", low == "none" && rest == "":
		return v
	case schemes[low] && strings.TrimSpace(rest) == "":
		return v
	case schemes[low]:
		return word + " " + Hidden
	}
	return Hidden
}

var bearerAfter = regexp.MustCompile(`^(?: |\+|%20)([\w.~+/=%-]+)`)

// hideBearer hides bearer tokens anywhere. "A Bearer token is missing" contains
// none.
func hideBearer(s string) string {
	w := walk(s, []string{"bearer"})
	for {
		_, _, from, ok := w.find()
		if !ok {
			return w.done()
		}
		w.keep(from)
		m := bearerAfter.FindStringSubmatchIndex(s[from:])
		if m == nil {
			continue
		}
		at, end := from+m[2], from+m[3]
		switch strings.TrimRight(w.low[at:end], ".") {
		case "token", "tokens", "authentication", "authorization", "scheme", "realm=", "error=":
			continue
		}
		w.keep(at)
		w.put(end, Hidden)
	}
}

// hideChannels hides the token of a channel URI except its beginning, which
// identifies the channel.
func hideChannels(s string) string {
	w := walk(s, []string{"?token=", "&token=", ";token=", "%3ftoken%3d", "%26token%3d"})
	for {
		_, _, from, ok := w.find()
		if !ok {
			return w.done()
		}
		end := until(s, from, "<&\"' \t\r\n")
		if n := strings.Index(s[from:end], "]]>"); n >= 0 {
			end = from + n // of a CDATA section
		}
		shown := from
		for shown < min(end, from+6) && (s[shown] >= '0' && s[shown] <= '9' || w.low[shown] >= 'a' && w.low[shown] <= 'z') {
			shown++
		}
		w.keep(shown)
		w.put(end, "..."+Hidden)
	}
}
