package dmclient_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// TestTermsOfUse: a device of a directory opens the terms of use with the user's
// token, which names no device, and gives what the page told to the enrollment service
// (Learn, "Microsoft Entra integration with MDM", Terms of Use protocol semantics).
func TestTermsOfUse(t *testing.T) {
	r, f := entraRig(t)
	terms := r.front.URL + mdmserver.TermsPath
	for name, edit := range map[string]func(*dmclient.Config){"a join": join, "a work account": func(*dmclient.Config) {}} {
		t.Run(name, func(t *testing.T) {
			f.asked = nil
			d := r.device(func(c *dmclient.Config) { f.config(c); edit(c); c.TermsOfUse = terms })
			if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
				t.Fatal(err)
			}
			if f.asked[0] != (dmclient.TokenRequest{Of: d}) || f.asked[1].DeviceID == "" {
				t.Errorf("tokens asked for: %+v", f.asked)
			}
			page := d.EnrollExchanges()[0]
			u, err := url.Parse(page.URL)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			if page.Method != http.MethodGet || !strings.HasPrefix(q.Get("redirect_uri"), "ms-appx-web://") || len(q.Get("client-request-id")) != 36 ||
				q.Get("api-version") != "1.0" || (q.Get("mode") == "azureadjoin") != (name == "a join") {
				t.Errorf("%s %s", page.Method, page.URL)
			}
			if strings.Contains(string(page.Response), "Decline") == (name == "a join") {
				t.Error("a user can decline exactly if it is no join")
			}
			answer, err := url.Parse(d.EnrollExchanges()[1].Reply.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			blob := answer.Query().Get("OpaqueBlob")
			last := d.EnrollExchanges()[len(d.EnrollExchanges())-1]
			if blob == "" || answer.Query().Get("client-request-id") != q.Get("client-request-id") ||
				!strings.Contains(string(last.Request), `Name="TargetedUserLoggedIn"><ac:Value>true</ac:Value></ac:ContextItem><ac:ContextItem Name="EnrollmentData"><ac:Value>`+blob+"<") {
				t.Errorf("after %s the RST is\n%s", answer, last.Request)
			}
		})
	}
	var e *enroll.Error
	t.Run("declined", func(t *testing.T) {
		d := r.device(func(c *dmclient.Config) { f.config(c); c.TermsOfUse, c.RefuseTerms = terms, true })
		err := d.Enroll(r.ctx(), dmclient.EnrollOptions{})
		if !errors.Is(err, enroll.ErrTermsRefused) || !errors.As(err, &e) || e.Step != enroll.StepTerms || d.State() != dmclient.NotEnrolled || len(d.EnrollExchanges()) != 2 {
			t.Errorf("%v after %d requests", err, len(d.EnrollExchanges()))
		}
	})
	t.Run("declined in a join", func(t *testing.T) {
		d := r.device(func(c *dmclient.Config) { f.config(c); join(c); c.TermsOfUse, c.RefuseTerms = terms, true })
		if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err == nil || !strings.Contains(err.Error(), "no button for it") {
			t.Error(err)
		}
	})
	t.Run("a bad token", func(t *testing.T) {
		for _, kind := range entra.BadKinds() {
			f.kind = kind
			d := r.device(func(c *dmclient.Config) { f.config(c); c.TermsOfUse = terms })
			if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err == nil || !strings.Contains(err.Error(), "terms of use: the server refuses: unauthorized_client") {
				t.Errorf("%s: %v", kind, err)
			}
		}
		f.kind = entra.Good
	})
	t.Run("without a directory", func(t *testing.T) {
		d := r.device(func(c *dmclient.Config) { c.TermsOfUse = terms })
		if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err == nil || !strings.Contains(err.Error(), "Config.Tokens") {
			t.Error(err)
		}
	})
	t.Run("EnrollmentData of another user", func(t *testing.T) {
		d := r.device(func(c *dmclient.Config) {
			c.TermsOfUse = terms
			c.Tokens = func(ctx context.Context, req dmclient.TokenRequest) (string, error) {
				defer func() { f.user = "demo@mdm.example" }()
				if req.DeviceID == "" {
					f.user = "other@mdm.example"
				}
				return f.tokens(ctx, req)
			}
		})
		if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); !errors.As(err, &e) || e.HResult() != "0x80180019" {
			t.Errorf("%v", err)
		}
	})
}

// TestTermsLeadNowhereElse: the reference server redirects to a Windows app only
// (CWE-601), and says which versions it knows.
func TestTermsLeadNowhereElse(t *testing.T) {
	r, f := entraRig(t)
	token, err := f.tokens(t.Context(), dmclient.TokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	http1 := r.front.Client()
	http1.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	page := enroll.Terms{HTTP: http1, URL: r.front.URL + mdmserver.TermsPath, Token: token, RequestID: "r"}
	for _, to := range []string{"https://evil.example/", "javascript:alert(1)", "ms-appx-web:x", "//evil.example"} {
		p := page
		p.Redirect = to
		var e *enroll.Error
		if _, err := p.Answer(r.ctx()); !errors.As(err, &e) || e.Status != http.StatusBadRequest {
			t.Errorf("%s: %v", to, err)
		}
	}
	p := page
	p.Version = "9.0"
	if _, err := p.Answer(r.ctx()); err == nil || !strings.Contains(err.Error(), "invalid_request: unsupported version") {
		t.Errorf("version 9.0: %v", err)
	}
	if blob, err := page.Answer(r.ctx()); err != nil || blob == "" {
		t.Errorf("%q, %v", blob, err)
	}
}
