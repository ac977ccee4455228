// Package redact hides secrets in what leaves the process. It has all the knowledge of
// what may be shown: Text for any text, Header, Target, Form and Body for HTTP requests,
// where only what is known to be harmless is shown, Value for the nodes of the management
// tree, Prose for the words of a server. What it hides becomes Hidden; names, shapes and
// lengths stay, because a tester needs them.
package redact

import (
	"regexp"
	"strings"
)

// Hidden stands where a secret stood.
const Hidden = "[redacted]"

// Text hides secrets: passwords, tokens, private keys, credentials and the token
// part of channel URIs, also in text that is escaped as XML, JSON or a form, and in
// text that was cut.
func Text(s string) string {
	if short(s) {
		return s
	}
	return redactWith(s, hideToken)
}

// short reports whether a text is too short and too plain for any rule, as most values
// of headers are: letters, digits and what stands between words.
func short(s string) bool {
	if len(s) >= 40 { // a key in base64 is longer
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ' ' || c == '.' || c == '/' || c == '-' || c == '_' || c == ',' || c == ';':
			if (c == 'y' || c == 'Y') && i > 0 && s[i-1]|0x20 == 'e' || c|0x20 == 'b' && i+6 <= len(s) && strings.EqualFold(s[i:i+6], "bearer") {
				return false // a JWT begins with eyJ
			}
		default:
			return false
		}
	}
	return true
}

// redactWith is Text with a way to hide the content of a BinarySecurityToken.
func redactWith(s string, token func(tag, content string) string) string {
	// One rule may uncover a secret for another, so the rules run until nothing
	// changes. That makes Text idempotent. Two rounds are usual.
	for range 8 {
		next := redactOnce(s, token)
		if next == s {
			break
		}
		s = next
	}
	return s
}

// rule hides one kind of secret. A text without any of the hints, which are in
// lower case, has no such secret and costs only the search for them.
type rule struct {
	hints []string
	hide  func(string) string
}

func replace(pattern, with string) func(string) string {
	re := regexp.MustCompile(pattern)
	return func(s string) string { return re.ReplaceAllString(s, with) }
}

var rules = []rule{
	{[]string{"-----begin"}, replace(`(?s)(-----BEGIN(?:[A-Z0-9 +]|%20)+PRIVATE(?: |\+|%20)KEY(?:(?: |\+|%20)BLOCK)?-----).*?(-----END|\z)`, "${1}"+Hidden+"${2}")},
	{secretElements, func(s string) string { return within(s, secretElements, shortest, hideAll) }},
	{[]string{"cred"}, hideCred},
	{[]string{"locuri", "/aadusertoken"}, hideItems},
	{namedTags, hideNamedTags},
	{keys, hideFields},
	{secretHeaders, hideHeaders},
	{[]string{"bearer"}, hideBearer},
	{[]string{"token=", "token%3d"}, hideChannels},
	{[]string{"://"}, replace(`://[^/\s"'<>?#]+@`, "://"+Hidden+"@")},
	{[]string{"://"}, hidePaths},
	{queryHints, replace(`((?:[?&;]|%3[Ff]|%26)(?i:sig|signature|code|key|auth|ticket|pass|otp|sas)=)[^&\s"'<>#]{16,}`, "${1}"+Hidden)},
	{keyHints, hideKeys},
	// A JWT, and a JWT in base64 as in a BinarySecurityToken.
	{[]string{"eyj"}, replace(`eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*`, Hidden)},
	{[]string{"zxlk"}, replace(`ZXlK(?:[\w+/=-]|%2[BbFf]|%3[Dd]){40,}`, Hidden)},
}

func redactOnce(s string, token func(tag, content string) string) string {
	low := lower(s)
	if strings.Contains(low, tokenElement[0]) {
		s = withinTag(s, tokenElement, shortest, token)
	}
	for _, r := range rules {
		for _, h := range r.hints {
			if strings.Contains(low, h) {
				s = r.hide(s)
				break
			}
		}
	}
	return s
}
