package compare

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/trace"
)

// http compares what stands around a body: method, path, query, version, headers.
func (j *judge) http(sim *trace.Exchange) {
	seen := &j.step.Exchange
	if seen.Method != "" && seen.Method != sim.Method {
		j.add(Difference{Kind: KindHTTP, Path: "method", Real: seen.Method, Simulated: sim.Method})
	}
	if seen.URL != "" {
		a, b := target(seen.URL), target(sim.URL)
		if a.Path != b.Path {
			j.add(Difference{Kind: KindHTTP, Path: "path", Real: a.Path, Simulated: b.Path})
		}
		if a.RawQuery != b.RawQuery {
			j.add(Difference{Kind: KindHTTP, Path: "query", Real: orNone(a.RawQuery), Simulated: orNone(b.RawQuery)})
		}
	}
	if j.step.Headers == NoHeaders {
		return
	}
	if seen.Proto != "" && seen.Proto != sim.Proto {
		j.add(Difference{Kind: KindHTTP, Path: "version", Real: seen.Proto, Simulated: sim.Proto})
	}
	proxied := slices.ContainsFunc(names(seen.Header), func(n string) bool { return strings.HasPrefix(n, "X-Forwarded-") })
	list := names(seen.Header)
	if j.step.Headers == AllHeaders {
		list = append(list, names(sim.Header)...)
		slices.Sort(list)
		list = slices.Compact(list)
	}
	for _, name := range list {
		if transportHeaders[name] || strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip" || proxied && name == "Accept-Encoding" {
			continue
		}
		j.header(name, seen.Header[name], sim.Header[name])
	}
}

// transportHeaders belong to the connection.
var transportHeaders = map[string]bool{"Host": true, "Content-Length": true, "Connection": true, "Transfer-Encoding": true, "Via": true, "Forwarded": true, "Date": true}

func names(h http.Header) (out []string) {
	for name := range h {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func target(raw string) *url.URL {
	u, err := url.Parse(raw)
	if err != nil {
		return &url.URL{Path: raw}
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u
}

// vector is the form of an MS-CV: a base, and three counters [seen on 19043].
var vector = regexp.MustCompile(`^([A-Za-z0-9+/]{16})(\.\d+\.\d+)\.(\d+)$`)

func (j *judge) header(name string, seen, sim []string) {
	a, b := strings.Join(seen, ", "), strings.Join(sim, ", ")
	if a == b {
		return
	}
	both := a != "" && b != ""
	if name == "Ms-Cv" {
		first := [2]string{a, b}
		if j.session != nil {
			if j.session.vectors[0] == "" {
				j.session.vectors = first
			}
			first = j.session.vectors
		}
		if a, b = relative(a, first[0]), relative(b, first[1]); a == b {
			j.skip(skipTracing, nil)
			return
		}
	}
	switch {
	case both && name == "Ms-Signature":
		j.skip(skipKeys, nil)
	case both && strings.Contains(a, hidden):
		j.skip(skipSecrets, nil)
	default:
		if shown := windowsNames[name]; shown != "" {
			name = shown
		}
		j.add(Difference{Kind: KindHeader, Path: name, Real: orNone(a), Simulated: orNone(b)})
	}
}

// relative describes an MS-CV by what changed since the first one of its session: the
// base is random, and the counter goes on from session to session.
func relative(cv, first string) string {
	m, f := vector.FindStringSubmatch(cv), vector.FindStringSubmatch(first)
	switch {
	case m == nil || f == nil:
		return cv
	case m[1] != f[1]:
		return "another base in the same session"
	}
	return fmt.Sprintf("(base)%s.(first + %d)", m[2], number(m[3])-number(f[3]))
}

// windowsNames are header names as Windows writes them; HTTP/2 has lower case, and Go
// shows them in its own way.
var windowsNames = map[string]string{"Ms-Cv": "MS-CV", "Mdm-Genericalert": "MDM-GenericAlert", "Client-Request-Id": "client-request-id",
	"Ms-Signature": "MS-Signature", "Useragentorigin": "UserAgentOrigin"}
