package mutants

import (
	"crypto/tls"
	"net/http"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of the notification request.
var (
	WnsPut = &Mutant{"wns-put", "sends the notification with PUT", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Method = http.MethodPut })
	}}
	WnsBearer = &Mutant{"wns-bearer", "sends the token without Bearer", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) {
			req.Header.Set("Authorization", strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
		})
	}}
	WnsTokenSpoilt = &Mutant{"wns-token-spoilt", "sends the token without its last character", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) {
			token := req.Header.Get("Authorization")
			req.Header.Set("Authorization", token[:len(token)-1])
		})
	}}
	WnsContentType = &Mutant{"wns-content-type", "adds a charset to the Content-Type", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Header.Set("Content-Type", "application/octet-stream; charset=utf-8") })
	}}
	WnsType = &Mutant{"wns-type", "sends no X-WNS-Type", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Header.Del("X-WNS-Type") })
	}}
	WnsHeaderTwice = &Mutant{"wns-header-twice", "sends X-WNS-Type twice", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Header.Add("X-WNS-Type", "wns/raw") })
	}}
	WnsNoCache = &Mutant{"wns-no-cache", "sends no X-WNS-Cache-Policy", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Header.Del("X-WNS-Cache-Policy") })
	}}
	WnsNoStatus = &Mutant{"wns-no-status", "does not ask for X-WNS-DeviceConnectionStatus", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Header.Del("X-WNS-RequestForStatus") })
	}}
	WnsTag = &Mutant{"wns-tag", "sends X-WNS-Tag, as for a tile", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Header.Set("X-WNS-Tag", "wake") })
	}}
	WnsStatusOne = &Mutant{"wns-status-one", "sends X-WNS-RequestForStatus: 1", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Header.Set("X-WNS-RequestForStatus", "1") })
	}}
	WnsVectorSame = &Mutant{"wns-vector-same", "sends the same MS-CV with all notifications", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Header.Set("MS-CV", "AAAAAAAAAAAAAAAA.0") })
	}}
	WnsExpect = &Mutant{"wns-expect", "sends Expect: 100-continue", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Header.Set("Expect", "100-continue") })
	}}
	WnsDroppedWaits = &Mutant{"wns-dropped-waits", "pushes no more until the device comes, also after a notification that WNS dropped", func(t *tamper) {
		waiting := map[*mdmserver.Device]bool{}
		hook.On(t, mdmserver.Pushed, func(c *mdmserver.Change) {
			if strings.HasPrefix(c.Outcome, "accepted, but dropped") {
				waiting[c.Device] = true
			}
		})
		hook.On(t, mdmserver.SessionBegins, func(c *mdmserver.Change) { delete(waiting, c.Device) })
		t.Wake = append(t.Wake, func(w *mdmserver.Wake) {
			if waiting[w.Device] {
				w.URIs = nil
			}
		})
	}}
	WnsTTLZero = &Mutant{"wns-ttl-zero", "sends X-WNS-TTL: 0", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Header.Set("X-WNS-TTL", "0") })
	}}
	WnsTTLNoCache = &Mutant{"wns-ttl-no-cache", "sends X-WNS-TTL: 60 with X-WNS-Cache-Policy: no-cache", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) {
			req.Header.Set("X-WNS-TTL", "60")
			req.Header.Set("X-WNS-Cache-Policy", "no-cache")
		})
	}}
	WnsPathLost = &Mutant{"wns-path-lost", "posts to the path / of the channel's host, whatever the URI says", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) {
			u := *req.URL
			u.Path, u.RawPath = "/", ""
			req.URL = &u
		})
	}}
	WnsChunked = &Mutant{"wns-chunked", "sends the body chunked", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.ContentLength, req.GetBody = -1, nil })
	}}
	WnsEmpty = &Mutant{"wns-empty", "sends an empty body", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Body, req.ContentLength, req.GetBody = http.NoBody, 0, nil })
	}}
	WnsLarge = &Mutant{"wns-large", "sends 6,000 bytes", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { hook.SetBody(req, []byte(strings.Repeat("x", 6000))) })
	}}
	WnsBodyNames = &Mutant{"wns-body-names", "writes device and user into the body", func(t *tamper) {
		var mu sync.Mutex
		bodies := map[string]string{} // by channel URI
		t.Wake = append(t.Wake, func(w *mdmserver.Wake) {
			mu.Lock()
			defer mu.Unlock()
			for _, uri := range w.URIs {
				bodies[uri] = `{"device":"` + w.Device.ID + `","user":"` + w.Config.Username + `"}`
			}
		})
		hook.Notifications(t, func(req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			hook.SetBody(req, []byte(bodies[req.URL.String()]))
		})
	}}
	WnsURI = &Mutant{"wns-uri", "decodes the channel URI and does not encode it again", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) {
			req.URL.RawQuery = "token=" + req.URL.Query().Get("token") // "+" and "/" stand there plainly now
		})
	}}
	WnsNoReuse = &Mutant{"wns-no-reuse", "opens a connection for every notification", func(t *tamper) {
		hook.Notifications(t, func(req *http.Request) { req.Close = true })
	}}
	WnsTLSAny = &Mutant{"wns-tls-any", "accepts any certificate", func(t *tamper) {
		t.WNS = append(t.WNS, func(next http.RoundTripper) http.RoundTripper {
			plain, ok := next.(*http.Transport)
			if !ok {
				panic("mutant wns-tls-any must be the first one that changes the way to WNS")
			}
			out := plain.Clone()
			if out.TLSClientConfig == nil {
				out.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			}
			out.TLSClientConfig.InsecureSkipVerify = true
			return out
		})
	}}
	WnsRedirect = &Mutant{"wns-redirect", "follows redirects with its token", func(t *tamper) {
		hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			for range 10 {
				if err != nil || resp.StatusCode < 300 || resp.StatusCode > 399 {
					break
				}
				to, perr := req.URL.Parse(resp.Header.Get("Location"))
				if perr != nil || req.GetBody == nil {
					break
				}
				hook.Discard(resp)
				if req, err = hook.Redirected(req, to); err != nil {
					return nil, err
				}
				resp, err = next.RoundTrip(req)
			}
			return resp, err
		})
	}}
	WnsRedirectGet = &Mutant{"wns-redirect-get", "follows 301, 302 and 303 by GET with its token", func(t *tamper) {
		hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err != nil || resp.StatusCode < 301 || resp.StatusCode > 303 {
				return resp, err
			}
			to, err := req.URL.Parse(resp.Header.Get("Location"))
			if err != nil {
				return resp, nil
			}
			hook.Discard(resp)
			if req, err = hook.Redirected(req, to); err != nil {
				return nil, err
			}
			req.Method, req.Body, req.ContentLength = http.MethodGet, http.NoBody, 0
			return next.RoundTrip(req)
		})
	}}
)

var requests = []*Mutant{
	WnsPut, WnsBearer, WnsTokenSpoilt, WnsContentType, WnsType, WnsChunked, WnsEmpty, WnsLarge, WnsURI, WnsNoCache, WnsTTLZero, WnsTTLNoCache, WnsPathLost, WnsBodyNames,
	WnsTag, WnsStatusOne, WnsVectorSame, WnsExpect, WnsDroppedWaits, WnsNoStatus, WnsTLSAny, WnsRedirect, WnsRedirectGet, WnsHeaderTwice, WnsNoReuse,
}
