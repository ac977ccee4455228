package mdmserver

import (
	"crypto/tls"
	"net/http"
)

// mutantClient spoils the client that pushes go out by: one that takes any
// certificate, one that takes its token wherever a redirect leads.
func mutantClient(c *http.Client, anyCertificate, redirects bool) *http.Client {
	if !anyCertificate && !redirects {
		return c
	}
	out := *c
	if t, ok := c.Transport.(*http.Transport); ok && anyCertificate {
		t = t.Clone()
		if t.TLSClientConfig == nil {
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		t.TLSClientConfig.InsecureSkipVerify = true
		out.Transport = t
	}
	if redirects {
		out.CheckRedirect = func(req *http.Request, via []*http.Request) error {
			req.Header.Set("Authorization", via[0].Header.Get("Authorization")) //nolint:gosec // that is the mutant
			return nil
		}
	}
	return &out
}
