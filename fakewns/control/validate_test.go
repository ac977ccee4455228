package control

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// validating is a transport that holds every exchange against openapi.yaml.
type validating struct {
	t   *testing.T
	doc *openapi3.T
}

func document(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatalf("openapi.yaml is not an OpenAPI document: %v", err)
	}
	return doc
}

func (v validating) RoundTrip(r *http.Request) (*http.Response, error) {
	doc := *v.doc
	doc.Servers = openapi3.Servers{{URL: "http://" + r.URL.Host}}
	router, err := legacy.NewRouter(&doc)
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
		v.t.Errorf("%s %s is not in openapi.yaml: %v", r.Method, r.URL.Path, err)
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
		v.t.Errorf("%s %s was taken, which openapi.yaml does not allow: %v", r.Method, r.URL.Path, requestErr)
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
		v.t.Errorf("%s %s is answered otherwise than openapi.yaml says: %v", r.Method, r.URL.Path, err)
	}
	return resp, nil
}
