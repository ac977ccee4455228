package mdmserver

import (
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// Policies of enrollment, as Discover names them.
const (
	OnPremise   = "OnPremise"
	Federated   = "Federated"
	Certificate = "Certificate"
)

const tokenLife = 10 * time.Minute

// page is the sign-in page of Federated enrollment: a form for the user, and
// the form that returns wresult to the device.
var page = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en"><head><title>Enroll this device</title><meta charset="utf-8"></head><body>
{{if .Token}}<form method="post" action="{{.Action}}"><input type="hidden" name="wresult" value="{{.Token}}"><input type="submit" value="Continue"></form>
<script>window.onload = function () { document.forms[0].submit() }</script>
{{else}}<h1>Enroll this device</h1>{{if .Wrong}}<p>The user name or the password is wrong.</p>{{end}}
<form method="post"><input type="hidden" name="appru" value="{{.AppRU}}">
<p><label>User <input type="email" name="user" value="{{.User}}"></label></p>
<p><label>Password <input type="password" name="password"></label></p><p><input type="submit" value="Sign in"></p></form>
{{end}}</body></html>`))

type pageData struct {
	AppRU, User, Token string
	Action             template.URL // checked to be of scheme ms-app
	Wrong              bool
}

// signIn serves the page (Learn, "Federated authentication device
// enrollment").
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	appru := r.FormValue("appru")
	u, err := url.Parse(appru)
	if err != nil || u.Scheme != "ms-app" || u.Host == "" {
		http.Error(w, "appru is not the address of a Windows app", http.StatusBadRequest)
		return
	}
	data := pageData{AppRU: appru, User: r.FormValue("login_hint")}
	if r.Method == http.MethodPost {
		data.User = r.PostFormValue("user")
		if s.knows(data.User, r.PostFormValue("password")) {
			data.Token, data.Action = s.newToken(), template.URL(u.String()) //nolint:gosec // its scheme is ms-app
		} else {
			data.Wrong = true
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	page.Execute(w, data) //nolint:errcheck // the browser is gone
}

// knows tells whether the password is the user's.
func (s *Server) knows(user, password string) bool {
	return subtle.ConstantTimeCompare([]byte(user), []byte(s.cfg.Username))&
		subtle.ConstantTimeCompare([]byte(password), []byte(s.cfg.Password)) == 1
}

func (s *Server) newToken() string {
	token := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for t, until := range s.tokens {
		if now.After(until) {
			delete(s.tokens, t)
		}
	}
	s.tokens[token] = now.Add(tokenLife)
	return token
}

// authenticate checks the credential of an enrollment request (MS-MDE2
// 3.4.4.1.1.1).
func (s *Server) authenticate(e *enroll.Envelope) *enroll.Fault {
	var err error
	switch s.cfg.AuthPolicy {
	case Federated:
		err = s.checkToken(e)
	case Certificate:
		err = s.checkSigned(e)
	default:
		err = s.checkPassword(e)
	}
	x := Enrollment{Envelope: e}
	if err != nil {
		x.Fault = &enroll.Fault{Code: "Receiver", Subcode: enroll.FaultAuthentication, Reason: err.Error()}
	}
	return s.admitted(&x)
}

func (s *Server) checkPassword(e *enroll.Envelope) error {
	switch {
	case !e.HasUsername:
		return errors.New("no security token")
	case !s.knows(e.Username, e.Password):
		return errors.New("the user name or the password is wrong")
	}
	return nil
}

func (s *Server) checkToken(e *enroll.Envelope) error {
	if e.Token == nil {
		return errors.New("no security token")
	}
	if s.cfg.Entra != nil {
		_, err := s.checkJWT(string(e.Token))
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if until, ok := s.tokens[string(e.Token)]; !ok || s.cfg.Now().After(until) {
		return errors.New("the security token is unknown or too old; sign in again")
	}
	return nil
}

// checkSigned takes a request that a certificate of Config.EnrollRoots signed.
func (s *Server) checkSigned(e *enroll.Envelope) error {
	if e.Token == nil || e.Signature == nil {
		return errors.New("no certificate, or no signature by it")
	}
	cert, err := x509.ParseCertificate(e.Token)
	if err != nil {
		return errors.New("the certificate cannot be read")
	}
	opts := x509.VerifyOptions{Roots: s.cfg.EnrollRoots, CurrentTime: s.cfg.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if _, err := cert.Verify(opts); err != nil {
		return errors.New("the certificate is of no issuer that may enroll devices, or not valid now")
	}
	if err := e.Signature.Verify(cert.PublicKey); err != nil {
		return errors.New("the signature does not verify")
	}
	if until, err := time.Parse(time.RFC3339, e.Expires); err != nil || s.cfg.Now().After(until.Add(clockDrift)) {
		return ErrExpired
	}
	return nil
}

// ErrExpired refuses a signed request that is too old.
var ErrExpired = errors.New("the timestamp of the request is missing or too old")

// clockDrift is how far the clocks of devices may be off.
const clockDrift = 10 * time.Minute
