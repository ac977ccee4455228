package faults

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// fixed answers with a body of its own.
type fixed struct{ body, contentType string }

func body(text, contentType string) func(faultspec.Value) (fakewns.Fault, error) {
	return does(fixed{text, contentType})
}

// hugeToken answers with a token too long for any header.
func hugeToken(v faultspec.Value) (fakewns.Fault, error) {
	n := 60000
	if arg := v.Text(); arg != "" {
		var err error
		if n, err = strconv.Atoi(arg); err != nil || n < 1 || n > 1<<20 {
			return fakewns.Fault{}, fmt.Errorf("%q is not a number of bytes up to 1048576", arg)
		}
	}
	return fakewns.Fault{Do: fixed{`{"access_token":"` + strings.Repeat("x", n) + `","token_type":"bearer","expires_in":86400}`, ""}}, nil
}

func (fixed) Fault() string { return "another body" }

func (f fixed) Answer(h http.Header, reply *fakewns.Reply) {
	if f.contentType != "" {
		h.Set("Content-Type", f.contentType)
	}
	reply.Body = []byte(f.body)
}

// expiresAs writes expires_in in another form; empty leaves it out.
type expiresAs string

func (expiresAs) Fault() string { return "expires_in in another form" }

var expiresField = regexp.MustCompile(`,"expires_in":(\d+)`)

func (x expiresAs) Answer(_ http.Header, reply *fakewns.Reply) {
	with := []byte{}
	if x != "" {
		with = []byte(`,"expires_in":` + string(x))
	}
	if expiresField.Match(reply.Body) {
		reply.Body = bytes.Replace(reply.Body, expiresField.Find(reply.Body), with, 1)
	}
}
