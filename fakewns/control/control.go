// Package control is the fake WNS's own API, on a separate listener. It lets
// tests do what devices and senders cannot. openapi.yaml describes it; Client
// calls it from Go.
package control

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/guard"
	"github.com/dmwake/dmwake/harness/printable"
)

//go:embed openapi.yaml
var openAPI []byte

// maxBody bounds a request's body, in bytes.
const maxBody = 1 << 20

// Options of the API; the zero value serves this machine only.
type Options struct {
	// Token is required with every request except /healthz and /readyz. If it is empty,
	// serve the API on a loopback address: it then answers only to loopback
	// names, so that no web page reaches it through a name of its own.
	Token string
	// Link accepts devices of other processes; nil accepts none.
	Link http.Handler
	// Parts are served on the same listener, behind the same guard.
	Parts []Part
	// Ready says what is not ready yet, each in a sentence, for /readyz; nil: all is.
	Ready func() []string
}

type api struct {
	wns  *fakewns.Server
	opts Options
}

// Handler is the API of a push service.
func Handler(wns *fakewns.Server, opts Options) http.Handler {
	api := guard.Handler(routes(&api{wns, opts}), guard.Options{Name: "control API", Advice: guard.WithToken, Token: opts.Token, Open: []string{"/healthz", "/readyz"}})
	return beside(api, opts.Parts)
}

func routes(a *api) *mux.Router {
	r := mux.NewRouter().UseEncodedPath()
	// Full paths: the routes of a Subrouter answer a wrong method with 404.
	on := func(method, path string, f func(*http.Request) (any, error)) {
		r.Path("/v1" + path).Methods(method).Handler(answer(f))
	}
	on(http.MethodGet, "/apps", a.apps)
	on(http.MethodPut, "/apps", a.setApps)
	on(http.MethodPut, "/apps/{pfn}", a.putApp)
	on(http.MethodDelete, "/apps/{pfn}", a.deleteApp)
	on(http.MethodGet, "/channels", a.channels)
	on(http.MethodPost, "/channels", a.openChannel)
	on(http.MethodDelete, "/channels/{id}", a.endChannel)
	on(http.MethodPost, "/channels/{id}/revoke", a.endChannel)
	on(http.MethodPost, "/channels/{id}/expire", a.endChannel)
	on(http.MethodPut, "/devices/{device}/connection", a.setConnection)
	on(http.MethodPost, "/tokens/revoke", a.revokeTokens)
	on(http.MethodPost, "/push", a.push)
	on(http.MethodGet, "/faults", a.faults)
	on(http.MethodPost, "/faults", a.addFault)
	on(http.MethodDelete, "/faults", a.deleteFaults)
	on(http.MethodGet, "/faults/kinds", a.faultKinds)
	on(http.MethodDelete, "/faults/{id:[0-9]+}", a.deleteFault)
	on(http.MethodDelete, "/journal", a.clearJournal)
	on(http.MethodGet, "/clock", a.clock)
	on(http.MethodPost, "/clock", a.advance)
	on(http.MethodGet, "/stats", a.stats)
	r.Path("/v1/journal").Methods(http.MethodGet).HandlerFunc(a.journal)
	r.Path("/v1/journal/stream").Methods(http.MethodGet).HandlerFunc(a.stream)
	if a.opts.Link != nil {
		r.Path("/v1/link").Methods(http.MethodGet).Handler(a.opts.Link)
	}
	r.Path("/openapi.yaml").Methods(http.MethodGet).HandlerFunc(a.describe)
	r.Path("/metrics").Methods(http.MethodGet).Handler(metricsHandler(a.wns))
	r.Path("/healthz").Methods(http.MethodGet).HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") }) //nolint:errcheck // the client is gone
	r.Path("/readyz").Methods(http.MethodGet).HandlerFunc(a.ready)
	mount(r, a.opts.Parts)
	r.NotFoundHandler = answer(nothingHere)
	r.MethodNotAllowedHandler = answer(wrongMethod)
	return r
}

func nothingHere(r *http.Request) (any, error) {
	return nil, notFound("unknown path %s; GET /openapi.yaml describes the API", r.URL.Path)
}

func wrongMethod(r *http.Request) (any, error) {
	return nil, &apiError{http.StatusMethodNotAllowed, r.Method + " is not for " + r.URL.Path}
}

// apiError is an error with its HTTP status.
type apiError struct {
	status int
	text   string
}

func (e *apiError) Error() string { return e.text }

func notFound(format string, args ...any) error {
	return &apiError{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// created is a result that is answered with 201.
type created struct{ value any }

// ErrorReply is the body of every error reply.
type ErrorReply struct {
	Error string `json:"error"`
}

// answer makes a handler of a function that returns a value to write as JSON,
// or nil for 204. An error without a status is answered with 400.
func answer(f func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		v, err := f(r)
		status := http.StatusOK
		var e *apiError
		var long *http.MaxBytesError
		if c, ok := v.(created); ok {
			v, status = c.value, http.StatusCreated
		}
		switch {
		case errors.As(err, &e):
			v, status = ErrorReply{e.text}, e.status
		case errors.As(err, &long):
			v, status = ErrorReply{fmt.Sprintf("the body is over %d bytes", long.Limit)}, http.StatusRequestEntityTooLarge
		case err != nil:
			v, status = ErrorReply{err.Error()}, http.StatusBadRequest
		case v == nil:
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(printable.NewWriter(w, false)).Encode(v) //nolint:errcheck // the client is gone
	})
}

// read decodes a body that is one JSON value and nothing else.
func read(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("the body does not match openapi.yaml: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body goes on after the JSON value")
	}
	return nil
}

// parameters rejects unknown query parameters.
func parameters(r *http.Request, known ...string) error {
	for name := range r.URL.Query() {
		ok := false
		for _, k := range known {
			ok = ok || k == name
		}
		if !ok {
			return fmt.Errorf("unknown parameter %q; known parameters: %v", name, known)
		}
	}
	return nil
}
