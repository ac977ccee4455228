package mdmserver

import (
	"crypto/rand"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// consent is a user's answer to the terms of use, or the page that waits for it.
type consent struct {
	user     string
	accepted bool
	redirect *url.URL // redirect_uri, with client-request-id
	until    time.Time
}

// termsPage has a Decline button only if the user may decline: not in a join.
var termsPage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en"><head><title>Terms of use</title><meta charset="utf-8"></head><body>
<h1>Terms of use</h1><p>Your organization manages this device.</p>
<form method="post"><input type="hidden" name="ticket" value="{{.Ticket}}">
<button name="answer" value="accept">Accept</button>
{{if not .Join}}<button name="answer" value="decline">Decline</button>{{end}}</form>
</body></html>`))

// terms serves the terms-of-use page (Learn, "Microsoft Entra integration with MDM",
// Terms of Use protocol semantics).
func (s *Server) terms(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if r.Method == http.MethodPost {
		s.answered(w, r)
		return
	}
	q := r.URL.Query()
	to, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		to = &url.URL{}
	}
	x := s.visited(r, to)
	if x.Elsewhere {
		http.Error(w, "redirect_uri is not the address of a Windows app", http.StatusBadRequest)
		return
	}
	if id := q.Get("client-request-id"); id != "" {
		with(to, "client-request-id", id)
	}
	if x.Error != "" {
		with(to, "error", x.Error)
		with(to, "error_description", x.Description)
		http.Redirect(w, r, to.String(), http.StatusFound) //nolint:gosec // it leads to a Windows app
		return
	}
	data := struct {
		Ticket string
		Join   bool
	}{s.remember(&consent{user: x.User, redirect: to}), q.Get("mode") == "azureadjoin"}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	termsPage.Execute(w, data) //nolint:errcheck // the browser is gone
}

// visited decides how a request is answered: by the page, or by an error.
func (s *Server) visited(r *http.Request, to *url.URL) *TermsVisit {
	// A redirect to anywhere else would be an open one (CWE-601).
	x := &TermsVisit{Config: &s.cfg, Redirect: to.String(), Elsewhere: to.Scheme != "ms-appx-web" || to.Host == ""}
	if token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); bearer {
		x.Token = token
	}
	who, err := s.checkJWT(x.Token)
	switch {
	case r.URL.Query().Get("api-version") != enroll.TermsVersion:
		x.Error, x.Description = "invalid_request", "unsupported version"
	case err != nil:
		x.Error, x.Description = "unauthorized_client", "unauthorized_client"
	case who.User == "":
		x.Error, x.Description = "unauthorized_client", "unauthorized user or tenant"
	default:
		x.User = who.User
	}
	for _, f := range s.cfg.Tamper.Terms {
		f(x)
	}
	return x
}

// answered takes the user's answer. The page knows the user by its ticket: a browser
// shows the token only once.
func (s *Server) answered(w http.ResponseWriter, r *http.Request) {
	asked := s.recall(r.PostFormValue("ticket"))
	if asked == nil || asked.accepted {
		http.Error(w, "the page is too old; open it again", http.StatusBadRequest)
		return
	}
	to := *asked.redirect
	if r.PostFormValue("answer") != "accept" {
		with(&to, "IsAccepted", "false")
	} else {
		with(&to, "IsAccepted", "true")
		with(&to, "OpaqueBlob", s.remember(&consent{user: asked.user, accepted: true}))
	}
	http.Redirect(w, r, to.String(), http.StatusFound)
}

// with adds a parameter to a URL.
func with(u *url.URL, name, value string) {
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
}

// remember keeps a consent for as long as a token of the sign-in page lives, and
// gives its name.
func (s *Server) remember(c *consent) string {
	now, name := s.cfg.Now(), rand.Text()
	c.until = now.Add(tokenLife)
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, old := range s.consents {
		if now.After(old.until) {
			delete(s.consents, k)
		}
	}
	s.consents[name] = c
	return name
}

func (s *Server) recall(name string) *consent {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.consents[name]; c != nil && !s.cfg.Now().After(c.until) {
		return c
	}
	return nil
}

// agreed checks EnrollmentData of an RST: what the page gave this user when the terms
// were accepted. A device that saw no page has none.
func (s *Server) agreed(req *enroll.TokenRequest, who *Identity) *enroll.Fault {
	blob := req.Item("EnrollmentData")
	if s.cfg.Entra == nil || blob == "" {
		return nil
	}
	if c := s.recall(blob); c != nil && c.accepted && strings.EqualFold(c.user, who.User) {
		return nil
	}
	return &enroll.Fault{Code: "Receiver", Subcode: "EnrollmentServer", ErrorType: "InvalidEnrollmentData",
		Reason: "EnrollmentData is not what the terms-of-use page gave this user; accept the terms again"}
}
