package report

import (
	"regexp"
	"strings"
)

const hidden = "[redacted]"

// Redact hides secrets: passwords, tokens, private keys, credentials and the token
// part of channel URIs, also in text that is escaped as XML, JSON or a form, and in
// text that was cut.
func Redact(s string) string { return redactWith(s, hideToken) }

// redactWith is Redact with a way to hide the content of a BinarySecurityToken.
func redactWith(s string, token func(tag, content string) string) string {
	// One rule may uncover a secret for another, so the rules run until nothing
	// changes. That makes Redact idempotent. Two rounds are usual.
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
	{[]string{"-----begin"}, replace(`(?s)(-----BEGIN(?:[A-Z0-9 +]|%20)+PRIVATE(?: |\+|%20)KEY(?:(?: |\+|%20)BLOCK)?-----).*?(-----END|\z)`, "${1}"+hidden+"${2}")},
	{secretElements, func(s string) string { return within(s, secretElements, shortest, hideAll) }},
	{[]string{"cred"}, hideCred},
	{[]string{"locuri", "/aadusertoken"}, hideItems},
	{namedTags, hideNamedTags},
	{keys, hideFields},
	{secretHeaders, hideHeaders},
	{[]string{"bearer"}, hideBearer},
	{[]string{"token=", "token%3d"}, hideChannels},
	{[]string{"://"}, replace(`(://[^/\s:@"'<>?#]*:)[^/\s"'<>?#]+@`, "${1}"+hidden+"@")},
	// A JWT, and a JWT in base64 as in a BinarySecurityToken.
	{[]string{"eyj"}, replace(`eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*`, hidden)},
	{[]string{"zxlk"}, replace(`ZXlK(?:[\w+/=-]|%2[BbFf]|%3[Dd]){40,}`, hidden)},
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

// redact hides secrets in everything that a report says about a run. Titles, rules
// and fixes are the suite's own texts.
func (r *Report) redact() {
	list := func(lines []string) {
		for i := range lines {
			lines[i] = Redact(lines[i])
		}
	}
	text := func(fields ...*string) {
		for _, f := range fields {
			*f = Redact(*f)
		}
	}
	text(&r.Target.Name, &r.Target.Discovery, &r.Again, &r.Aborted)
	list(r.Notes)
	list(r.HookErrors)
	for i := range r.Causes {
		text(&r.Causes[i].Text)
	}
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		text(&s.Reason, &s.Expected, &s.Saw, &s.Cause)
		list(s.Evidence)
		list(s.Hooks)
		for k := range s.Steps {
			text(&s.Steps[k].Text)
		}
		for k := range s.Exchanges {
			e := &s.Exchanges[k]
			text(&e.URL, &e.Request, &e.Response, &e.Error, &e.ContentType)
		}
	}
}
