package faults

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/dmwake/dmwake/fakewns"
)

// status answers with any status and headers.
type status struct {
	code   int
	header http.Header
}

func newStatus(arg string) (fakewns.Fault, error) {
	code, rest, _ := strings.Cut(arg, ",")
	n, err := strconv.Atoi(code)
	if err != nil || n < 200 || n > 599 {
		return fakewns.Fault{}, fmt.Errorf("%q is not a status from 200 to 599", code)
	}
	s := status{n, http.Header{}}
	for pair := range strings.SplitSeq(rest, ",") {
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return fakewns.Fault{}, fmt.Errorf("%q is not of the form HEADER=VALUE", pair)
		}
		s.header.Add(name, value)
	}
	return fakewns.Fault{Status: n, Do: s}, nil
}

func (s status) Fault() string { return "status " + strconv.Itoa(s.code) }

func (s status) Send(w http.ResponseWriter, _ *http.Request, _ *fakewns.Reply) bool {
	for name, values := range s.header {
		w.Header()[name] = values
	}
	return false
}
