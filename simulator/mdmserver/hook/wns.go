package hook

import (
	"bytes"
	"io"
	"net/http"
	"net/url"

	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// roundTripper is a function that sends a request.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// WNS lets f send what goes to WNS; the request is a copy that f may change.
func WNS(t *mdmserver.Tamper, f func(next http.RoundTripper, req *http.Request) (*http.Response, error)) {
	t.WNS = append(t.WNS, func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) { return f(next, req.Clone(req.Context())) })
	})
}

// IsPush tells a notification from a token request, which has no token yet.
func IsPush(req *http.Request) bool { return req.Header.Get("Authorization") != "" }

// Notifications lets f change every notification request.
func Notifications(t *mdmserver.Tamper, f func(*http.Request)) {
	WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if IsPush(req) {
			f(req)
		}
		return next.RoundTrip(req)
	})
}

// SetBody replaces the body of a request.
func SetBody(req *http.Request, body []byte) {
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}

// Redirected is the request at another address, token and all.
func Redirected(req *http.Request, to *url.URL) (*http.Request, error) {
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	out := req.Clone(req.Context())
	out.URL, out.Host, out.Body = to, to.Host, body
	return out, nil
}

// Discard gives up an answer of WNS.
func Discard(resp *http.Response) {
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) //nolint:errcheck // the next answer counts
	resp.Body.Close()
}
