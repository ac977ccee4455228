package control

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/gorilla/mux"
	"go.yaml.in/yaml/v3"
)

// Part is a further API, or pages, on the control API's listener. The control API's own
// paths go first.
type Part struct {
	// Paths are the roots that the part serves, such as "/v1/devices" or "/console/".
	// It also serves everything below them.
	Paths   []string
	Handler http.Handler
	// Home says that GET / leads to the first of Paths.
	Home bool
	// Guarded says that the handler has a guard of its own: a browser cannot send the
	// token as the API wants it.
	Guarded bool
	// OpenAPI describes the part in YAML; it becomes a part of /openapi.yaml. Empty: it
	// is not described.
	OpenAPI []byte
	// Ready says what of the part is not ready yet, for /readyz; nil: all is.
	Ready func() []string
}

// has reports whether a request is for the part.
func (p *Part) has(r *http.Request) bool {
	for _, path := range p.Paths {
		if base := strings.TrimSuffix(path, "/"); r.URL.Path == base || strings.HasPrefix(r.URL.Path, base+"/") {
			return true
		}
	}
	return p.Home && r.URL.Path == "/" && r.Method == http.MethodGet
}

func (p *Part) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		http.Redirect(w, r, p.Paths[0], http.StatusFound)
		return
	}
	p.Handler.ServeHTTP(w, r)
}

// mount adds the parts' routes. The control API's own routes go first.
func mount(r *mux.Router, parts []Part) {
	for _, p := range parts {
		if !p.Guarded {
			r.MatcherFunc(func(req *http.Request, _ *mux.RouteMatch) bool { return p.has(req) }).HandlerFunc(p.serve)
		}
	}
}

// beside serves the parts with a guard of their own, and everything else by api.
func beside(api http.Handler, parts []Part) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range parts {
			if parts[i].Guarded && parts[i].has(r) {
				parts[i].serve(w, r)
				return
			}
		}
		api.ServeHTTP(w, r)
	})
}

// describe serves the document of the whole listener.
func (a *api) describe(w http.ResponseWriter, _ *http.Request) {
	doc, err := Document(a.opts.Parts)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Write(doc) //nolint:errcheck // the client is gone
}

// ready answers 200, or 503 with a line for each thing that is not ready.
func (a *api) ready(w http.ResponseWriter, _ *http.Request) {
	var not []string
	if a.opts.Ready != nil {
		not = a.opts.Ready()
	}
	for _, p := range a.opts.Parts {
		if p.Ready != nil {
			not = append(not, p.Ready()...)
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if len(not) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, strings.Join(not, "\n")+"\n") //nolint:errcheck // the client is gone
		return
	}
	io.WriteString(w, "ready\n") //nolint:errcheck // as above
}

// Document is the OpenAPI document of the control API with those parts.
func Document(parts []Part) ([]byte, error) {
	var whole yaml.Node
	if err := yaml.Unmarshal(openAPI, &whole); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	merged := false
	for _, p := range parts {
		if len(p.OpenAPI) == 0 {
			continue
		}
		var more yaml.Node
		if err := yaml.Unmarshal(p.OpenAPI, &more); err != nil {
			return nil, fmt.Errorf("the OpenAPI document of %s: %w", p.Paths[0], err)
		}
		if err := merge(whole.Content[0], more.Content[0], ""); err != nil {
			return nil, fmt.Errorf("the OpenAPI document of %s: %w", p.Paths[0], err)
		}
		merged = true
	}
	if !merged {
		return openAPI, nil
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	err := enc.Encode(&whole)
	return b.Bytes(), err
}

// merge copies the keys of one mapping into another. The last part's info wins; every
// other key may stand in one document only.
func merge(into, from *yaml.Node, at string) error {
	for i := 0; i+1 < len(from.Content); i += 2 {
		key, value := from.Content[i], from.Content[i+1]
		var there *yaml.Node
		for k := 0; k+1 < len(into.Content); k += 2 {
			if into.Content[k].Value == key.Value {
				there = into.Content[k+1]
			}
		}
		switch {
		case there == nil:
			into.Content = append(into.Content, key, value)
		case at == "" && (key.Value == "paths" || key.Value == "components"), at == "components":
			if err := merge(there, value, key.Value); err != nil {
				return err
			}
		case at == "" && key.Value == "info":
			*there = *value
		case at == "" && (key.Value == "openapi" || key.Value == "servers" || key.Value == "security"):
		default:
			return fmt.Errorf("%s %q is described twice", at, key.Value)
		}
	}
	return nil
}
