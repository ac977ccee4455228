// Package control is the fake WNS's own API, on a listener apart from the
// service's: what devices and senders cannot do, a test can. openapi.yaml
// describes it; Client calls it from Go.
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
)

//go:embed openapi.yaml
var openAPI []byte

// maxBody bounds a request's body, in bytes.
const maxBody = 1 << 20

// Options of the API; the zero value serves this machine only.
type Options struct {
	// Token must come with every request but /healthz. Where it is empty the
	// API answers to loopback names only, so that no web page reaches it by a
	// name of its own; serve it on a loopback address then.
	Token string
	// Link is where devices of other processes connect; nil if nowhere.
	Link http.Handler
}

type api struct {
	wns  *fakewns.Server
	opts Options
}

// Handler is the API of a push service.
func Handler(wns *fakewns.Server, opts Options) http.Handler {
	a := &api{wns, opts}
	return a.guard(routes(a))
}

func routes(a *api) *mux.Router {
	r := mux.NewRouter().UseEncodedPath()
	// Whole paths: a Subrouter's routes answer a wrong method with 404.
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
	r.Path("/openapi.yaml").Methods(http.MethodGet).HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Write(openAPI) //nolint:errcheck // the client is gone
	})
	r.Path("/metrics").Methods(http.MethodGet).Handler(metricsHandler(a.wns))
	r.Path("/healthz").Methods(http.MethodGet).HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") }) //nolint:errcheck // the client is gone
	r.NotFoundHandler = answer(nothingHere)
	r.MethodNotAllowedHandler = answer(wrongMethod)
	return r
}

func nothingHere(r *http.Request) (any, error) {
	return nil, notFound("%s is nothing here; GET /openapi.yaml describes the API", r.URL.Path)
}

func wrongMethod(r *http.Request) (any, error) {
	return nil, &apiError{http.StatusMethodNotAllowed, r.Method + " is not for " + r.URL.Path}
}

// apiError is an error with the status it is answered by.
type apiError struct {
	status int
	text   string
}

func (e *apiError) Error() string { return e.text }

func notFound(format string, args ...any) error {
	return &apiError{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// created is a result that is answered 201.
type created struct{ value any }

// ErrorReply is the body of every answer that is no success.
type ErrorReply struct {
	Error string `json:"error"`
}

// answer makes a handler of a function that gives a value to write as JSON, or
// nothing for 204. An error that names no status is the caller's mistake.
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
		json.NewEncoder(w).Encode(v) //nolint:errcheck // the client is gone
	})
}

// read decodes a body that is one JSON value and nothing else.
func read(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("the body is not what openapi.yaml says: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value in the body")
	}
	return nil
}

// parameters checks that only the named query parameters are there.
func parameters(r *http.Request, known ...string) error {
	for name := range r.URL.Query() {
		ok := false
		for _, k := range known {
			ok = ok || k == name
		}
		if !ok {
			return fmt.Errorf("unknown parameter %q; there are %v", name, known)
		}
	}
	return nil
}
