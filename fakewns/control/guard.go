package control

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// guard admits requests with the token. Without a configured token it admits
// requests to a loopback name: a web page in a local browser can send requests
// to any address, but it cannot choose the name in the Host header.
func (a *api) guard(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(a.opts.Token))
	origins := http.NewCrossOriginProtection()
	refuse := func(w http.ResponseWriter, r *http.Request, status int, text string) {
		answer(func(*http.Request) (any, error) { return nil, &apiError{status, text} }).ServeHTTP(w, r)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.URL.Path == "/healthz" {
			next.ServeHTTP(w, r)
			return
		}
		if a.opts.Token != "" {
			got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			sum := sha256.Sum256([]byte(got))
			if !ok || subtle.ConstantTimeCompare(sum[:], want[:]) != 1 {
				w.Header().Set("WWW-Authenticate", "Bearer")
				refuse(w, r, http.StatusUnauthorized, "the token of the control API is missing or wrong: Authorization: Bearer TOKEN")
				return
			}
		} else if !loopback(r.Host) {
			refuse(w, r, http.StatusForbidden, "without a token this API answers to 127.0.0.1, [::1] and localhost only")
			return
		}
		if err := origins.Check(r); err != nil {
			refuse(w, r, http.StatusForbidden, "a request from a web page of another origin is refused")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
