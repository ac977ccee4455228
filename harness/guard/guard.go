// Package guard stands before every API and page that dmwake serves for its
// user: the control API of the fake WNS, the admin API of the reference server,
// the metrics of a load.
//
// A web page in a local browser can send requests to any address, loopback
// included. It cannot choose the name in the Host header, and the browser says
// where it comes from (Origin, and Sec-Fetch-Site of the Fetch Metadata draft).
package guard

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Options say whom a Handler admits; the zero value admits this machine only.
type Options struct {
	// Name of what is guarded, and Advice for whom it refuses because of the name:
	// "control API", "with a token it answers to every name".
	Name, Advice string
	// Token is required with every request, as Authorization: Bearer. If it is
	// empty, only requests to a loopback name are admitted.
	Token string
	// AnyHost admits every name in the Host header although there is no token.
	// It is for what its user made reachable from other machines, and holds no
	// secret.
	AnyHost bool
	// Open are paths that are open to everybody: those that say whether it is up.
	Open []string
}

// WithToken is the Advice of an API that can have a token.
const WithToken = "with a token it answers to every name"

// Handler admits requests to next. It answers 401 without the token, and 403 to
// a name that is not loopback's or to a web page of another origin. The body is
// {"error": "..."}.
func Handler(next http.Handler, o Options) http.Handler {
	want := sha256.Sum256([]byte(o.Token))
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if slices.Contains(o.Open, r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		switch {
		case o.Token != "":
			got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			sum := sha256.Sum256([]byte(got))
			if !ok || subtle.ConstantTimeCompare(sum[:], want[:]) != 1 {
				w.Header().Set("WWW-Authenticate", "Bearer")
				refuse(w, http.StatusUnauthorized, "the token of the "+o.Name+" is missing or wrong: Authorization: Bearer TOKEN")
				return
			}
		case !o.AnyHost && !Loopback(r.Host):
			refuse(w, http.StatusForbidden, "the "+o.Name+" answers to 127.0.0.1, [::1] and localhost only; "+o.Advice)
			return
		}
		if foreign(origins, r) {
			refuse(w, http.StatusForbidden, "a request from a web page of another origin is refused")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreign reports whether a web page of another origin sent r. The standard
// library lets every GET pass, as browsers hide its reply from the page; but a GET
// also costs work, and opens a WebSocket. A link that a person follows passes.
func foreign(origins *http.CrossOriginProtection, r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
		return origins.Check(r) != nil
	}
	as := *r
	as.Method = http.MethodPost
	return origins.Check(&as) != nil
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": text}) //nolint:errcheck,errchkjson // the client is gone
}

// Loopback reports whether host is a loopback name or address, with a port or
// without.
func Loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
