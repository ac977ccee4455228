// Package api serves the devices of a lab over HTTP, beside the control API of its fake
// WNS. openapi.yaml and schemas.yaml describe it; package harness/devices/client calls it from Go.
package api

import (
	"context"
	_ "embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/harness/devices"
)

// The document: its paths, and then what they have in common.
var (
	//go:embed openapi.yaml
	paths []byte
	//go:embed schemas.yaml
	schemas []byte
)

const (
	maxBody = 1 << 20 // of a request, in bytes
	// longestAct is how long an enrollment or a session may take that a caller asks for.
	longestAct = 2 * time.Minute
)

type api struct {
	pool  *devices.Pool
	wns   *fakewns.Server
	first map[uint64]bool // faults that the lab began with; a reset leaves them
}

// Part is the API of a lab's devices, for the listener of the control API of the fake
// WNS which they use. It tells that service of which namespace a device is.
func Part(pool *devices.Pool, wns *fakewns.Server) control.Part {
	a := &api{pool, wns, map[uint64]bool{}}
	for _, f := range wns.Faults() {
		a.first[f.ID] = true
	}
	wns.SetNamespaces(pool.NamespaceOf)
	return control.Part{Paths: []string{"/v1/devices", "/v1/namespaces", "/v1/events"}, Handler: a.routes(), OpenAPI: slices.Concat(paths, schemas), Ready: pool.NotReady}
}

func (a *api) routes() *mux.Router {
	r := mux.NewRouter().UseEncodedPath()
	on := func(method, path string, f func(*http.Request) (any, error)) {
		r.Path("/v1" + path).Methods(method).Handler(answer(f))
	}
	on(http.MethodGet, "/devices", a.list)
	on(http.MethodPost, "/devices", a.create)
	on(http.MethodGet, "/devices/{device}", a.device)
	on(http.MethodPatch, "/devices/{device}", a.set)
	on(http.MethodDelete, "/devices/{device}", a.remove)
	on(http.MethodPost, "/devices/{device}/enroll", a.enroll)
	on(http.MethodPost, "/devices/{device}/sync", a.sync)
	on(http.MethodPost, "/devices/{device}/unenroll", a.unenroll)
	on(http.MethodPost, "/devices/{device}/wipe", a.wipe)
	on(http.MethodPost, "/devices/{device}/wait", a.wait)
	on(http.MethodGet, "/devices/{device}/tree", a.tree)
	on(http.MethodPut, "/devices/{device}/tree", a.setNode)
	on(http.MethodDelete, "/devices/{device}/tree", a.removeNode)
	on(http.MethodGet, "/devices/{device}/effects", a.effects)
	on(http.MethodGet, "/devices/{device}/enrollment", a.enrollment)
	on(http.MethodGet, "/devices/{device}/sessions", a.sessions)
	on(http.MethodGet, "/devices/{device}/sessions/{number:last|[0-9]+}", a.session)
	on(http.MethodGet, "/namespaces", a.namespaces)
	on(http.MethodDelete, "/namespaces", a.reset)
	on(http.MethodDelete, "/namespaces/{namespace}", a.reset)
	on(http.MethodGet, "/events", a.events)
	r.Path("/v1/events/stream").Methods(http.MethodGet).HandlerFunc(a.stream)
	r.NotFoundHandler = answer(func(r *http.Request) (any, error) {
		return nil, &devices.Error{Cause: devices.Unknown, Text: "unknown path " + r.URL.Path + "; GET /openapi.yaml describes the API"}
	})
	r.MethodNotAllowedHandler = answer(func(r *http.Request) (any, error) { return nil, wrongMethod{r.Method + " is not for " + r.URL.Path} })
	return r
}

// variable is a part of the path.
func variable(r *http.Request, name string) string {
	v, err := url.PathUnescape(mux.Vars(r)[name])
	if err != nil {
		return mux.Vars(r)[name]
	}
	return v
}

func reveals(r *http.Request) bool { return r.URL.Query().Get("reveal") == "true" }

// acting is the context of an enrollment or a session.
func acting(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), longestAct)
}

func (a *api) list(r *http.Request) (any, error) {
	if err := parameters(r, "namespace", "state", "label", "text"); err != nil {
		return nil, err
	}
	q := r.URL.Query()
	f := devices.Filter{Namespace: q.Get("namespace"), State: q.Get("state"), Text: q.Get("text"), Labels: map[string]string{}}
	for _, l := range q["label"] {
		k, v, ok := strings.Cut(l, "=")
		if !ok {
			return nil, invalid("label %q is not of the form NAME=VALUE", l)
		}
		f.Labels[k] = v
	}
	return a.pool.List(f), nil
}

func (a *api) create(r *http.Request) (any, error) {
	var spec devices.Spec
	if err := read(r, &spec); err != nil {
		return nil, err
	}
	d, err := a.pool.Create(spec)
	if err != nil {
		return nil, err
	}
	return created{d}, nil
}

func (a *api) device(r *http.Request) (any, error) {
	if err := parameters(r, "reveal"); err != nil {
		return nil, err
	}
	return value(a.pool.Device(variable(r, "device"), reveals(r)))
}

func (a *api) set(r *http.Request) (any, error) {
	var c devices.Change
	if err := read(r, &c); err != nil {
		return nil, err
	}
	ctx, cancel := acting(r)
	defer cancel()
	return value(a.pool.Set(ctx, variable(r, "device"), c))
}

func (a *api) remove(r *http.Request) (any, error) {
	return nil, a.pool.Remove(variable(r, "device"))
}

func (a *api) enroll(r *http.Request) (any, error) {
	var e devices.Enrollment
	if err := readMaybe(r, &e); err != nil {
		return nil, err
	}
	ctx, cancel := acting(r)
	defer cancel()
	return value(a.pool.Enroll(ctx, variable(r, "device"), e))
}

func (a *api) sync(r *http.Request) (any, error) {
	var s devices.Sync
	if err := readMaybe(r, &s); err != nil {
		return nil, err
	}
	ctx, cancel := acting(r)
	defer cancel()
	return value(a.pool.Sync(ctx, variable(r, "device"), s))
}

func (a *api) unenroll(r *http.Request) (any, error) {
	ctx, cancel := acting(r)
	defer cancel()
	return value(a.pool.Unenroll(ctx, variable(r, "device")))
}

func (a *api) wipe(r *http.Request) (any, error) {
	ctx, cancel := acting(r)
	defer cancel()
	return value(a.pool.Wipe(ctx, variable(r, "device")))
}

func (a *api) wait(r *http.Request) (any, error) {
	var c devices.Condition
	if err := read(r, &c); err != nil {
		return nil, err
	}
	w, err := a.pool.Wait(r.Context(), variable(r, "device"), c)
	if err != nil {
		return nil, err
	}
	if w.Event != nil {
		e := w.Event.Redacted()
		w.Event = &e
	}
	return w, nil
}

func (a *api) tree(r *http.Request) (any, error) {
	if err := parameters(r, "locURI", "reveal"); err != nil {
		return nil, err
	}
	return value(a.pool.Tree(variable(r, "device"), locURI(r), reveals(r)))
}

func locURI(r *http.Request) string {
	if u := r.URL.Query().Get("locURI"); u != "" {
		return u
	}
	return "."
}

// NewNode is a value for a node.
type NewNode struct {
	LocURI string `json:"locURI"`
	Data   string `json:"data"`
}

func (a *api) setNode(r *http.Request) (any, error) {
	var n NewNode
	if err := read(r, &n); err != nil {
		return nil, err
	}
	return value(a.pool.SetNode(r.Context(), variable(r, "device"), n.LocURI, n.Data))
}

func (a *api) removeNode(r *http.Request) (any, error) {
	if err := parameters(r, "locURI"); err != nil {
		return nil, err
	}
	return nil, a.pool.RemoveNode(r.Context(), variable(r, "device"), locURI(r))
}

func (a *api) effects(r *http.Request) (any, error) {
	if err := parameters(r, "reveal"); err != nil {
		return nil, err
	}
	return value(a.pool.Effects(variable(r, "device"), reveals(r)))
}

func (a *api) enrollment(r *http.Request) (any, error) {
	if err := parameters(r, "reveal"); err != nil {
		return nil, err
	}
	return value(a.pool.Enrollment(variable(r, "device"), reveals(r)))
}

func (a *api) sessions(r *http.Request) (any, error) {
	if err := parameters(r, "reveal"); err != nil {
		return nil, err
	}
	return value(a.pool.Sessions(variable(r, "device"), reveals(r)))
}

func (a *api) session(r *http.Request) (any, error) {
	if err := parameters(r, "reveal"); err != nil {
		return nil, err
	}
	n := 0
	if v := variable(r, "number"); v != "last" {
		var err error
		if n, err = strconv.Atoi(v); err != nil || n == 0 {
			return nil, &devices.Error{Cause: devices.Unknown, Text: "sessions are numbered from 1; " + v + " is none"}
		}
	}
	return value(a.pool.Session(variable(r, "device"), n, reveals(r)))
}
