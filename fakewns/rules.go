package fakewns

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Rule names one requirement on a request.
type Rule string

// The rules of a notification (Learn, "Push notification service request and
// response headers") and of a token request (Learn, "WNS overview").
const (
	RuleMethod        Rule = "method"
	RuleAuthorization Rule = "authorization"
	RuleToken         Rule = "token"
	RuleContentType   Rule = "content-type"
	RuleType          Rule = "x-wns-type"
	RuleContentLength Rule = "content-length"
	RuleEmpty         Rule = "empty"
	RuleSize          Rule = "size"
	RuleURI           Rule = "uri"
	RuleCachePolicy   Rule = "cache-policy"
	RuleTTL           Rule = "ttl"

	RuleForm            Rule = "form"
	RuleGrantType       Rule = "grant_type"
	RuleScope           Rule = "scope"
	RuleClientID        Rule = "client_id"
	RuleClientSecret    Rule = "client_secret"
	RulePercentEncoding Rule = "percent-encoding"
)

// Violation is one rule a request broke, and how.
type Violation struct {
	Rule Rule   `json:"rule"`
	Text string `json:"text"`
}

// checkHeaders notes everything that is wrong with a notification, not only
// what it will be answered for.
func checkHeaders(e *Entry, r *http.Request) {
	h := r.Header
	if r.Method != http.MethodPost {
		e.violate(RuleMethod, "the method is "+r.Method+", not POST")
	}
	if _, ok := bearer(h); !ok {
		e.violate(RuleAuthorization, "Authorization is not \"Bearer \" and a token")
	}
	want := "text/xml"
	switch t := h.Get("X-WNS-Type"); t {
	case "wns/raw":
		want = "application/octet-stream"
	case "wns/toast", "wns/tile", "wns/badge":
	default:
		want = "application/octet-stream"
		e.violate(RuleType, "X-WNS-Type is "+quote(t)+", not wns/raw")
	}
	if ct := h.Get("Content-Type"); ct != want {
		e.violate(RuleContentType, "Content-Type is "+quote(ct)+", not exactly "+want)
	}
	switch n := len(e.Body); {
	case e.Chunked:
		e.violate(RuleContentLength, "the body is chunked; WNS takes a Content-Length only")
	case r.ContentLength < 0:
		e.violate(RuleContentLength, "Content-Length is missing")
	case n == 0:
		e.violate(RuleEmpty, "the body is empty: a device refuses it with 0x80070057 and no session starts")
	case n > MaxPayload:
		e.violate(RuleSize, fmt.Sprintf("the body has %d bytes, more than %d", n, MaxPayload))
	}
	switch c := h.Get("X-WNS-Cache-Policy"); c {
	case "cache":
	case "", "no-cache":
		e.violate(RuleCachePolicy, "X-WNS-Cache-Policy is not cache: a raw notification to a device that is offline is lost")
	default:
		e.violate(RuleCachePolicy, "X-WNS-Cache-Policy is "+quote(c)+", neither cache nor no-cache")
	}
	if t := h.Get("X-WNS-TTL"); t != "" {
		if n, err := strconv.Atoi(t); err != nil || n <= 0 {
			e.violate(RuleTTL, "X-WNS-TTL is "+quote(t)+", not a number of seconds")
		}
	}
}

func (e *Entry) violate(r Rule, text string) {
	e.Violations = append(e.Violations, Violation{r, text})
}

// firstOf is the text of the first of the rules that was broken.
func (e *Entry) firstOf(rules ...Rule) string {
	for _, r := range rules {
		if text := e.Violated(r); text != "" {
			return text
		}
	}
	return ""
}

// Violated gives how the request broke a rule, empty if it did not.
func (e *Entry) Violated(r Rule) string {
	for _, list := range [][]Violation{e.Violations, e.Notes} {
		for _, v := range list {
			if v.Rule == r {
				return v.Text
			}
		}
	}
	return ""
}

func quote(s string) string {
	if len(s) > 120 {
		s = s[:120] + "..."
	}
	return strconv.Quote(s)
}

// redactToken keeps the shape of a channel URI's query and hides its secret.
func redactToken(query string) string {
	name, value, ok := strings.Cut(query, "=")
	if !ok || len(value) < 8 {
		return query
	}
	return name + "=" + value[:6] + "...[redacted]"
}
