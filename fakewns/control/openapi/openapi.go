// Package openapi holds the exchanges of a test against an OpenAPI document.
package openapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Document reads an OpenAPI document. An invalid one fails the test.
func Document(t testing.TB, raw []byte) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatalf("this is not an OpenAPI document: %v", err)
	}
	return doc
}

// Transport is an http.RoundTripper that holds every exchange against a document. What
// the document does not allow fails the test.
type Transport struct {
	T   testing.TB
	Doc *openapi3.T

	mu   sync.Mutex
	host string
	by   routers.Router
}

func (v *Transport) router(host string) (routers.Router, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.host != host {
		doc := *v.Doc
		doc.Servers = openapi3.Servers{{URL: "http://" + host}}
		by, err := legacy.NewRouter(&doc)
		if err != nil {
			return nil, err
		}
		v.host, v.by = host, by
	}
	return v.by, nil
}

// RoundTrip implements http.RoundTripper.
func (v *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	v.T.Helper()
	router, err := v.router(r.URL.Host)
	if err != nil {
		return nil, err
	}
	var sent []byte
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
	}
	again := func() io.ReadCloser { return io.NopCloser(bytes.NewReader(sent)) }
	r.Body = again()
	route, params, err := router.FindRoute(r)
	if err != nil {
		v.T.Errorf("%s %s is not in openapi.yaml: %v", r.Method, r.URL.Path, err)
		return http.DefaultTransport.RoundTrip(r)
	}
	in := &openapi3filter.RequestValidationInput{Request: r.Clone(r.Context()), PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	in.Request.Body = again()
	requestErr := openapi3filter.ValidateRequest(r.Context(), in)
	r.Body = again()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if requestErr != nil && resp.StatusCode < 400 {
		v.T.Errorf("%s %s was taken, which openapi.yaml does not allow: %v", r.Method, r.URL.Path, requestErr)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header}
	out.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		v.T.Errorf("%s %s is answered otherwise than openapi.yaml says: %v", r.Method, r.URL.Path, err)
	}
	return resp, nil
}
