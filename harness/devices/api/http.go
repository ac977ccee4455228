package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/nearest"
	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/redact"
)

// ErrorReply is the body of every error reply.
type ErrorReply struct {
	Error string `json:"error"`
	// Code is what Windows shows for a failed enrollment.
	Code string `json:"code,omitempty"`
	// Came is what came in place of what was awaited, and Mark the newest event.
	Came []devices.Event `json:"came,omitempty"`
	Mark uint64          `json:"mark,omitempty"`
}

var statuses = map[devices.Cause]int{
	devices.Invalid: http.StatusBadRequest, devices.Unknown: http.StatusNotFound, devices.Conflict: http.StatusConflict, devices.Full: http.StatusInsufficientStorage,
	devices.Refused: http.StatusBadGateway, devices.Late: http.StatusGatewayTimeout, devices.Closed: http.StatusServiceUnavailable,
}

// created is a result that is answered with 201.
type created struct{ value any }

type wrongMethod struct{ text string }

func (e wrongMethod) Error() string { return e.text }

func invalid(format string, args ...any) error {
	return &devices.Error{Cause: devices.Invalid, Text: fmt.Sprintf(format, args...)}
}

// value makes a result of a value; of an error nothing.
func value[T any](v T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// answer makes a handler of a function that returns a value to write as JSON, or nil for
// 204.
func answer(f func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A wait is longer than the listener lets a request be.
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(devices.LongestWait + time.Minute)) //nolint:errcheck // it stays shorter
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		v, err := f(r)
		status := http.StatusOK
		if c, ok := v.(created); ok {
			v, status = c.value, http.StatusCreated
		}
		switch {
		case err != nil:
			v, status = reply(err)
		case v == nil:
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(printable.NewWriter(w, false)).Encode(v) //nolint:errcheck // the client is gone
	})
}

func reply(err error) (ErrorReply, int) {
	var e *devices.Error
	var long *http.MaxBytesError
	var method wrongMethod
	out, status := ErrorReply{Error: redact.Text(err.Error())}, http.StatusBadRequest
	switch {
	case errors.As(err, &e):
		out.Code, out.Mark, status = e.Code, e.Mark, statuses[e.Cause]
		for _, c := range e.Came {
			out.Came = append(out.Came, c.Redacted())
		}
	case errors.As(err, &method):
		status = http.StatusMethodNotAllowed
	case errors.As(err, &long):
		out.Error, status = fmt.Sprintf("the body is over %d bytes", long.Limit), http.StatusRequestEntityTooLarge
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		out.Error, status = "the request ended before its answer", http.StatusServiceUnavailable
	}
	return out, status
}

var unknownField = regexp.MustCompile(`^json: unknown field "(.*)"$`)

// read decodes a body that is one JSON value and nothing else.
func read(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return unread(err, into)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return invalid("the body goes on after the JSON value")
	}
	return nil
}

// readMaybe is read for a body that may be absent.
func readMaybe(r *http.Request, into any) error {
	err := read(r, into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func unread(err error, into any) error {
	var kind *json.UnmarshalTypeError
	var long *http.MaxBytesError
	m := unknownField.FindStringSubmatch(err.Error())
	switch {
	case m != nil:
		known := fields(reflect.TypeOf(into).Elem())
		whole := map[string]string{} // by the last name of a field's path
		for _, path := range slices.Backward(known) {
			whole[path[strings.LastIndex(path, ".")+1:]] = path
		}
		if near := nearest.Of(m[1], slices.Sorted(maps.Keys(whole))); near != "" {
			return invalid("unknown field %q; did you mean %s?", m[1], whole[near])
		}
		return invalid("unknown field %q; known fields: %s", m[1], strings.Join(known, ", "))
	case errors.As(err, &kind):
		return invalid("%s is a %s in JSON, which openapi.yaml does not allow there", kind.Field, kind.Value)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the body is empty; openapi.yaml describes it: %w", err)
	case errors.As(err, &long):
		return err
	}
	return invalid("the body is no JSON: %v", err)
}

// fields are the names of a type's fields in JSON, of nested ones too.
func fields(t reflect.Type) (out []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, name)
		if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
			for _, inner := range fields(f.Type) {
				out = append(out, name+"."+inner)
			}
		}
	}
	return out
}

// parameters rejects unknown query parameters.
func parameters(r *http.Request, known ...string) error {
	for name := range r.URL.Query() {
		if !slices.Contains(known, name) {
			mean := ""
			if near := nearest.Of(name, known); near != "" {
				mean = "; did you mean " + near + "?"
			}
			return invalid("unknown parameter %q%s; known parameters: %s", name, mean, strings.Join(known, ", "))
		}
	}
	return nil
}
