package mdmserver

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// slowPush is how long a mutant waits before it pushes.
const slowPush = 2500 * time.Millisecond

// takesAny tells whether a mutant takes a credential that is not the right one.
func (s *Server) takesAny(cred string) bool {
	if s.is("sec-garbage") || s.is("sec-challenge-any") {
		return true
	}
	digest, err := base64.StdEncoding.DecodeString(strings.TrimSpace(cred))
	return s.is("ses-nonce-any") && err == nil && len(digest) == 16
}

// spoiltRefusal is a refusal or challenge as a mutant writes it.
func (s *Server) spoiltRefusal(out *syncml.Message) *syncml.Message {
	for i := range out.Body {
		if s.is("ses-no-chal") {
			out.Body[i].Chal = nil
		}
	}
	if s.is("sec-401-commands") {
		c := one(syncml.Get, "./DevInfo/Lang", "", "")
		c.CmdID = "77"
		out.Body = append(out.Body, c)
	}
	return out
}

// zipped compresses a reply, for a mutant.
func zipped(w http.ResponseWriter, body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(body) //nolint:errcheck // a buffer
	z.Close()     //nolint:errcheck // a buffer
	w.Header().Set("Content-Encoding", "gzip")
	return b.Bytes()
}

// chokes tells whether a mutant fails at Results.
func (s *Server) chokes(c *syncml.Command) bool {
	if s.is("ses-results-msgref") && c.MsgRef == "" {
		return true
	}
	for _, it := range c.Items {
		at, err := time.Parse(time.RFC3339, it.Data)
		if s.is("ses-chunk-refused") && it.MoreData || s.is("rob-skew") && err == nil && time.Since(at).Abs() > 30*time.Minute {
			return true
		}
		if s.is("sec-leak") && strings.HasPrefix(it.Data, "dmwake-") {
			s.leaked = it.Data
		}
	}
	return false
}

// leak is what a mutant tells one device of another.
func (s *Server) leak(d *device) *syncml.Command {
	if s.leaked == "" || strings.HasSuffix(s.leaked, d.ID) || d.told {
		return nil
	}
	d.told = true
	c := one(syncml.Replace, "./DevDetail/Ext/Microsoft/DeviceName", "chr", s.leaked)
	return &c
}

// scoped is a LocURI as it is sent.
func (s *Server) scoped(uri string) string {
	if s.is("psh-scope") {
		for _, scope := range []string{"./Device/", "./User/"} {
			uri = strings.Replace(uri, scope, "./", 1)
		}
	}
	return uri
}

// throng answers whether a mutant has too many devices at once.
func (s *Server) throng() bool {
	if !s.is("rob-crowd") {
		return false
	}
	select {
	case s.slots <- struct{}{}:
		time.AfterFunc(300*time.Millisecond, func() { <-s.slots })
		return false
	default:
		return true
	}
}
