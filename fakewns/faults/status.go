package faults

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// status answers with any status and headers.
type status struct {
	code   int
	header []pair
}

// pair is a header to send in place of the service's own; none leaves it out.
type pair struct {
	name, value string
	none        bool
}

// framing are the headers that say how the answer is sent.
var framing = []string{"Content-Length", "Transfer-Encoding", "Trailer", "Upgrade"}

func newStatus(arg faultspec.Value) (fakewns.Fault, error) {
	parts := arg.List()
	code := parts[0].Text()
	n, err := strconv.Atoi(code)
	if err != nil || n < 200 || n > 599 {
		return fakewns.Fault{}, fmt.Errorf("%q is not a status from 200 to 599", code)
	}
	f := fakewns.Fault{Status: n}
	s := status{code: n}
	given := map[string]bool{}
	for _, part := range parts[1:] {
		name, value, ok := strings.Cut(string(part), "=")
		p := pair{name: name, value: faultspec.Value(value).Text()}
		p.none = p.value == ""
		key := http.CanonicalHeaderKey(name)
		switch {
		case !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(p.value):
			return f, fmt.Errorf("%q is not of the form HEADER=VALUE", string(part))
		case slices.Contains(framing, key):
			return f, fmt.Errorf("%s belongs to how the answer is sent, and cannot be set", key)
		case given[key]:
			return f, fmt.Errorf("%s is given twice", name)
		}
		given[key] = true
		switch {
		case key == "X-Wns-Status" && !p.none:
			f.WNSStatus = p.value // of both names of the header, and of the journal
		case key == "Retry-After" && !p.none:
			f.RetryAfter = p.value
		default:
			s.header = append(s.header, p)
		}
	}
	f.Do = s
	return f, nil
}

func (s status) Fault() string { return "status " + strconv.Itoa(s.code) }

func (s status) Send(w http.ResponseWriter, _ *http.Request, _ *fakewns.Reply) bool {
	for _, p := range s.header {
		if p.none {
			put(w.Header(), p.name)
		} else {
			put(w.Header(), p.name, p.value)
		}
	}
	return false
}

// put sets a header in place of the service's own, however that is spelled. Without
// a value the header is left out.
func put(h http.Header, name string, values ...string) {
	for own := range h {
		if strings.EqualFold(own, name) {
			name = own
			break
		}
	}
	if len(values) == 0 {
		delete(h, name)
		return
	}
	h[name] = values
}

// appThrottled is how the service was seen to throttle an app, 2022: 406, both names
// of the status header, no description (web-push-csharp issue 93).
func appThrottled(arg faultspec.Value) (fakewns.Fault, error) {
	secs, err := faultspec.Number(arg.Text(), throttledSeconds)
	return fakewns.Fault{Status: http.StatusNotAcceptable, WNSStatus: "appthrottled", RetryAfter: strconv.Itoa(secs),
		Do: described{}}, err
}

// throttledSeconds is the Retry-After that was seen with appthrottled. With 429 the
// value is a model: the report does not tell it.
const throttledSeconds = 900

// throttled429 is how it was seen to do so, 2024 (windows-dev-docs issue 5238).
func throttled429(arg faultspec.Value) (fakewns.Fault, error) {
	secs, err := faultspec.Number(arg.Text(), throttledSeconds)
	return fakewns.Fault{Status: http.StatusTooManyRequests, RetryAfter: strconv.Itoa(secs),
		Do: described{text: "App is throttled. Wait for the seconds of the value in Retry-After header and try again"}}, err
}

// newNotMapped is the answer to an Entra app that nobody mapped to the PFN: 403 with
// these words (windows-dev-docs issue 5027; that its status is 403 is a model), or
// without a header of WNS (WindowsAppSDK issue 6301).
func newNotMapped(arg faultspec.Value) (fakewns.Fault, error) {
	f := fakewns.Fault{Status: http.StatusForbidden}
	switch arg.Text() {
	case "", "described":
		f.Do = described{text: "Request targets an app that is not in allowed receiving apps list by WNS."}
	case "bare":
		f.Do = noHeaders{}
	default:
		return f, errors.New("use described or bare")
	}
	return f, nil
}

// described puts a text into X-WNS-Error-Description; an empty text writes no header.
type described struct{ text string }

func (described) Fault() string { return "in WNS's words" }

func (d described) Send(w http.ResponseWriter, _ *http.Request, _ *fakewns.Reply) bool {
	if d.text == "" {
		put(w.Header(), "X-WNS-Error-Description")
	} else {
		put(w.Header(), "X-WNS-Error-Description", d.text)
	}
	return false
}
