package redact

import (
	"html"
	"regexp"
	"strings"
)

// quote matches a quotation mark as it appears in XML, HTML, JSON and a form.
const quote = `(?:\\*["']|&(?:amp;)*(?:quot|apos|#34|#39);|%22|%27)`

var (
	secretElements = []string{"password", "passwd", "passphrase", "passcode", "accesstoken", "refreshtoken", "idtoken", "authtoken", "clientsecret", "secret", "sharedsecret", "keymaterial", "privatekey",
		"presharedkey", "productkey", "apikey", "psk", "l2tppsk", "wresult", "aauthsecret", "aauthdata", "authsecret", "smtpaltpassword", "userpassword", "adminpassword", "pfxcertblob", "pfxcertpassword"}
	tokenElement  = []string{"binarysecuritytoken"}
	credElement   = []string{"cred"}
	itemElement   = []string{"item"}
	dataElement   = []string{"data"}
	locURIElement = []string{"locuri"}
)

// How far an element without an end tag extends: the text was cut, or only mentions
// the element.
const (
	shortest = iota // to the next tag
	longest         // to the end of the text
)

func hideAll(content string) string {
	if strings.TrimSpace(content) == "" {
		return content // emptiness is not a secret, and worth seeing
	}
	return Hidden
}

// within edits the content of every element with one of the names, which are in
// lower case. It is linear in s: searched text is consumed, and it does not search
// again for a missing end tag.
func within(s string, names []string, cut int, edit func(string) string) string {
	return withinTag(s, names, cut, func(_, content string) string { return edit(content) })
}

// withinTag is within for edits that depend on the start tag.
func withinTag(s string, names []string, cut int, edit func(tag, content string) string) string {
	w := walk(s, names)
	missing := map[string]bool{}
	for {
		name, p, from, ok := w.find()
		if !ok {
			return w.done()
		}
		open := opening(w.low, p)
		content, empty := closing(w.low, from)
		if open < 0 || content < 0 {
			w.keep(from)
			continue
		}
		bracket := s[open:bracketEnd(w.low, open)]
		from = content
		w.keep(from)
		if empty {
			continue // <Password/>
		}
		end := -1
		if !missing[name] {
			end = endTag(w.low, from, name)
			missing[name] = end < 0
		}
		if end < 0 {
			end = len(s)
			if cut == shortest {
				end = nextTag(s, from, bracket)
			}
		}
		w.put(end, edit(s[open:from], s[from:end]))
	}
}

const (
	cdata    = "<![cdata[" // in lower case
	cdataEnd = "]]>"
)

// endTag returns the start of the end tag; -1 if there is none. An end tag in a
// CDATA section is text.
func endTag(s string, from int, name string) int {
	pos, found := from, -1
	for {
		if found < pos {
			if found = findEnd(s, pos, name); found < 0 {
				return -1
			}
		}
		c := strings.Index(s[pos:found], cdata)
		if c < 0 {
			return found
		}
		n := strings.Index(s[pos+c:], cdataEnd)
		if n < 0 {
			return -1
		}
		pos += c + n + len(cdataEnd)
	}
}

func findEnd(low string, pos int, name string) int {
	for at := pos; ; {
		n := strings.Index(low[at:], name)
		if n < 0 {
			return -1
		}
		p := at + n
		at = p + len(name)
		if i := ending(low, p); i >= pos && (at == len(low) || !nameChar(low[at])) {
			return i
		}
	}
}

// nextTag returns the start of the next tag with that form of bracket.
func nextTag(s string, from int, bracket string) int {
	pos := from
	if rest := strings.TrimLeft(s[from:], " \t\r\n"); len(rest) > len(cdata) && strings.EqualFold(rest[:len(cdata)], cdata) {
		n := strings.Index(rest, cdataEnd)
		if n < 0 {
			return len(s)
		}
		pos = len(s) - len(rest) + n + len(cdataEnd)
	}
	if n := strings.Index(s[pos:], bracket); n >= 0 {
		return pos + n
	}
	return len(s)
}

// hideCred hides the Data of SyncML credentials.
func hideCred(s string) string {
	return within(s, credElement, longest, func(cred string) string { return within(cred, dataElement, shortest, hideAll) })
}

// hideItems hides the Data of items with a secret node, such as a Wi-Fi profile, or
// with a user's token.
func hideItems(s string) string {
	return within(s, itemElement, longest, func(item string) string {
		nodes := secretItem(item)
		if len(nodes) == 0 {
			return item
		}
		return within(item, dataElement, shortest, func(data string) string {
			plain := unmarked(data)
			for _, uri := range nodes {
				if !harmlessValue(uri, plain) {
					if uriToken.MatchString(plain) {
						return data // a channel URI keeps its host: another rule hides its token
					}
					return hideAll(data)
				}
			}
			return data
		})
	})
}

// secretItem returns the nodes of an item that may hold a secret.
func secretItem(item string) (nodes []string) {
	if strings.Contains(item, "/AADUserToken") {
		nodes = append(nodes, "AADUserToken")
	}
	within(item, locURIElement, shortest, func(uri string) string {
		if plain := unmarked(uri); Node(plain) {
			nodes = append(nodes, plain)
		}
		return uri
	})
	return nodes
}

// unmarked is the text of an element without entities and the marks of CDATA.
func unmarked(s string) string {
	return strings.TrimSpace(html.UnescapeString(strings.NewReplacer("<![CDATA[", "", cdataEnd, "").Replace(s)))
}

var (
	namedTags = []string{"parm", "input"}
	nameAttr  = regexp.MustCompile(`(?i)name\s*(?:=|%3d)\s*` + quote + `([\w.-]+)` + quote)
	valueAttr = regexp.MustCompile(`(?i)value\s*(?:=|%3d)\s*(` + quote + `)`)
)

// hideNamedTags hides the values of <parm name="AAUTHSECRET" value=""/> in a
// provisioning document and of <input name="wresult" value=""> in a sign-in form.
func hideNamedTags(s string) string {
	w := walk(s, namedTags)
	for {
		_, p, from, ok := w.find()
		if !ok {
			return w.done()
		}
		w.keep(from)
		open := opening(w.low, p)
		if open < 0 {
			continue
		}
		// A bracket of the same form cannot be in the tag's own values.
		tag := s[from:nextTag(s, from, s[open:bracketEnd(w.low, open)])]
		name := nameAttr.FindStringSubmatch(tag)
		if name == nil || !secretName(name[1]) {
			continue
		}
		if m := valueAttr.FindStringSubmatchIndex(tag); m != nil {
			at := from + m[1]
			w.keep(at)
			end := min(endQuote(s, at, tag[m[2]:m[3]]), from+len(tag))
			if !harmlessValue(name[1], s[at:end]) {
				w.put(end, hideAll(s[at:end]))
			}
		}
	}
}
