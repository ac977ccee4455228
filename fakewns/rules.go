package fakewns

import (
	"fmt"
	"net/http"
	"regexp"
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
	RuleTag           Rule = "tag"   // of a tile or toast: 16 characters
	RuleMatch         Rule = "match" // of a DELETE
	RuleOnce          Rule = "once"  // no header twice
	RuleStatusAsked   Rule = "request-for-status"

	RuleForm            Rule = "form"
	RuleGrantType       Rule = "grant_type"
	RuleScope           Rule = "scope"
	RuleClientID        Rule = "client_id"
	RuleClientSecret    Rule = "client_secret"
	RulePercentEncoding Rule = "percent-encoding"
)

// Header names in net/http's canonical form. Looking one up in another spelling
// costs more than all the checks.
const (
	hType             = "X-Wns-Type"
	hCachePolicy      = "X-Wns-Cache-Policy"
	hRequestForStatus = "X-Wns-Requestforstatus"
	hTag              = "X-Wns-Tag"
	hGroup            = "X-Wns-Group"
	hTTL              = "X-Wns-Ttl"
	hSuppressPopup    = "X-Wns-Suppresspopup"
	hMatch            = "X-Wns-Match"
	hMSCV             = "Ms-Cv"
)

// first is Header.Get for a canonical name.
func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Violation is one rule a request broke, and how.
type Violation struct {
	Rule Rule   `json:"rule"`
	Text string `json:"text"`
}

// checkHeaders records every violation of a notification, not only the one that
// decides the answer.
func checkHeaders(e *Entry, r *http.Request) {
	h := r.Header
	if r.Method != http.MethodPost {
		e.violate(RuleMethod, "the method is "+r.Method+", not POST")
	}
	if _, ok := bearer(h); !ok {
		e.violate(RuleAuthorization, "Authorization is not \"Bearer \" and a token")
	}
	checkOnce(e, h)
	want := "text/xml"
	kind := first(h, hType)
	switch kind {
	case typeRaw:
		want = "application/octet-stream"
	case typeToast, typeTile, typeBadge:
	default:
		want = "application/octet-stream"
		e.refuse(RuleType, "X-WNS-Type is "+quote(kind)+", not wns/raw")
	}
	if ct := first(h, "Content-Type"); ct != want {
		e.refuse(RuleContentType, "Content-Type is "+quote(ct)+", not exactly "+want)
	}
	switch n := len(e.Body); {
	case e.Chunked:
		e.refuse(RuleContentLength, "the body is chunked; WNS requires a Content-Length")
	case r.ContentLength < 0:
		e.refuse(RuleContentLength, "Content-Length is missing")
	case n == 0:
		e.violate(RuleEmpty, "the body is empty: a device refuses it with 0x80070057 and no session starts")
	case n > MaxPayload:
		e.violate(RuleSize, fmt.Sprintf("the body has %d bytes, more than %d", n, MaxPayload))
	}
	switch c := first(h, hCachePolicy); c {
	case "cache":
	case "", "no-cache":
		if kind == typeRaw {
			e.violate(RuleCachePolicy, "X-WNS-Cache-Policy is not cache: a raw notification to a device that is offline is lost")
		}
	default:
		e.refuse(RuleCachePolicy, "X-WNS-Cache-Policy is "+quote(c)+", neither cache nor no-cache")
	}
	checkLabels(e, h)
	if v := first(h, hRequestForStatus); v != "" && !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
		e.refuse(RuleStatusAsked, "X-WNS-RequestForStatus is "+quote(v)+", neither true nor false")
	}
	checkTTL(e, first(h, hTTL), first(h, hCachePolicy))
}

// checkTTL: a TTL has to suit X-WNS-Cache-Policy. On /w/ channels the service was seen
// to refuse 0 with the policy cache and without a policy, and a life without cache; it
// took a life without a policy [seen: reports of web push senders, 2025 and 2026]. That
// the other channels do the same is a model.
func checkTTL(e *Entry, ttl, policy string) {
	if ttl == "" {
		return
	}
	switch n, err := strconv.Atoi(ttl); {
	case err != nil || n < 0:
		e.refuse(RuleTTL, "X-WNS-TTL is "+quote(ttl)+", not a number of seconds")
	case n == 0 && policy != "no-cache", n > 0 && policy == "no-cache":
		e.refuse(RuleTTL, "Ttl value conflicts with X-WNS-Cache-Policy.") // wording [seen]
	}
}

// checkOnce: a repeated header conflicts with itself. It also measures the headers, as
// it walks through them anyway.
func checkOnce(e *Entry, h http.Header) {
	for name, values := range h {
		e.measure(name, values)
		if len(values) > 1 && (name == "Content-Type" || name == "Authorization" || strings.HasPrefix(name, "X-Wns-")) {
			e.refuse(RuleOnce, spelled(name)+" is sent "+strconv.Itoa(len(values))+" times")
		}
	}
}

// spelled is a header name as WNS's documentation spells it.
func spelled(name string) string {
	if rest, ok := strings.CutPrefix(name, "X-Wns-"); ok {
		return "X-WNS-" + rest
	}
	return name
}

// label is what X-WNS-Tag and X-WNS-Group may hold: at most 16 letters and
// digits.
var label = regexp.MustCompile(`^[A-Za-z0-9]{1,16}$`)

func checkLabels(e *Entry, h http.Header) {
	for _, name := range [...]string{hTag, hGroup} {
		if v := first(h, name); v != "" && !label.MatchString(v) {
			e.refuse(RuleTag, spelled(name)+" is "+quote(v)+", not at most 16 letters and digits")
		}
	}
	if v := first(h, hSuppressPopup); v != "" && v != "true" && v != "false" {
		e.refuse(RuleTag, "X-WNS-SuppressPopup is "+quote(v)+", neither true nor false")
	} else if v != "" {
		// "If you include this header on a Windows channel, your notification will be
		// dropped and you will receive an error response" (Learn). All channels here are
		// Windows channels; that the error is 400 is a model.
		e.refuse(RuleTag, "X-WNS-SuppressPopup is for Windows Phone channels only")
	}
}

// match is an X-WNS-Match: "type:wns/toast;group=a;tag=b", or ";all".
var match = regexp.MustCompile(`^type:wns/toast;(all|group=[A-Za-z0-9]{1,16}(;tag=[A-Za-z0-9]{1,16})?|tag=[A-Za-z0-9]{1,16})$`)

// checkDelete records the violations of a DELETE, which removes toasts.
func checkDelete(e *Entry, r *http.Request) {
	if _, ok := bearer(r.Header); !ok {
		e.violate(RuleAuthorization, "Authorization is not \"Bearer \" and a token")
	}
	if m := first(r.Header, hMatch); !match.MatchString(m) {
		e.refuse(RuleMatch, "X-WNS-Match is "+quote(m)+", not of the form type:wns/toast;group=G;tag=T or type:wns/toast;all")
	}
}

func (e *Entry) violate(r Rule, text string) {
	e.Violations = append(e.Violations, Violation{r, text})
}

// refuse records a violation that is answered with 400: "one or more headers
// were specified incorrectly or conflict with another header" (Learn). Which
// headers the service checks is a [model].
func (e *Entry) refuse(r Rule, text string) {
	e.violate(r, text)
	if e.wrong == "" {
		e.wrong = text
	}
}

// Violated says how the request broke a rule; empty if it did not.
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
