package variants

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of a server that works with a directory.
var (
	TermsRequired = &Variant{Name: "terms-required", Does: "enrolls a directory's devices only with EnrollmentData", Seen: "Learn, \"Microsoft Entra integration with MDM\": the page may tell the enrollment service anything", Vary: func(c *mdmserver.Config) {
		c.Tamper.Authenticate = append(c.Tamper.Authenticate, func(x *mdmserver.Enrollment) {
			if x.Fault != nil || x.Renewal || x.Config.Entra == nil {
				return
			}
			if r, err := x.Envelope.TokenRequest(); err == nil && r.Item("EnrollmentData") == "" {
				x.Fault = &enroll.Fault{Code: "Receiver", Subcode: "EnrollmentServer", ErrorType: "InvalidEnrollmentData", Reason: "accept the terms of use first"}
			}
		})
	}}
	TermsOneApp = &Variant{Name: "terms-one-app", Does: "redirects from its terms of use to one app only", Seen: "CWE-601: a list of known addresses", Vary: func(c *mdmserver.Config) {
		hook.Before(&c.Tamper, mdmserver.TermsPath, func(x *hook.Exchange) int {
			if to := x.URL.Query().Get("redirect_uri"); x.Method == http.MethodGet && to != enroll.TermsRedirect {
				return http.StatusForbidden
			}
			return 0
		})
	}}
	TermsWords = &Variant{Name: "terms-words", Does: "has buttons in two forms with other words, beside a form of the help desk", Seen: "Learn leaves the page to the server", Vary: func(c *mdmserver.Config) {
		hook.After(&c.Tamper, http.MethodGet, mdmserver.TermsPath, func(x *hook.Exchange) {
			begin, end := bytes.Index(x.Reply, []byte(`<form`)), bytes.Index(x.Reply, []byte(`<button`))
			if x.Status != http.StatusOK || begin < 0 || end < 0 {
				return
			}
			head, declines := string(x.Reply[begin:end]), bytes.Contains(x.Reply, []byte("Decline"))
			x.Replace(`<button name="answer" value="accept">Accept</button>`, `<input type="hidden" name="answer" value="accept"><input type="submit" value="I agree">`)
			x.Replace(`<button name="answer" value="decline">Decline</button>`, "")
			if declines {
				x.Replace("</form>", `</form>`+head+`<input type="hidden" name="answer" value="decline"><input type="submit" value="I do not agree"></form>`)
			}
			x.Replace("<form", `<form action="/help"><input name="question" value="?"></form><form`)
		})
	}}
	TermsElsewhere = &Variant{Name: "terms-redirect", Does: "shows its terms on another page, which it knows by a cookie, and answers 303", Seen: "Learn, \"Microsoft Entra integration with MDM\": other redirects are allowed", Vary: func(c *mdmserver.Config) {
		const shown, cookie = mdmserver.TermsPath + "/Shown", "terms"
		var mu sync.Mutex
		pages := map[string][]byte{}
		hook.After(&c.Tamper, http.MethodGet, mdmserver.TermsPath, func(x *hook.Exchange) {
			if x.Status != http.StatusOK {
				return
			}
			name := rand.Text()
			mu.Lock()
			pages[name] = bytes.ReplaceAll(x.Reply, []byte(`<form method="post"`), []byte(`<form method="post" action="`+mdmserver.TermsPath+`"`))
			mu.Unlock()
			x.Status, x.Reply = http.StatusFound, nil
			x.ReplyHeader.Set("Location", shown)
			x.ReplyHeader.Set("Set-Cookie", (&http.Cookie{Name: cookie, Value: name, Path: mdmserver.TermsPath, Secure: true, HttpOnly: true}).String())
		})
		hook.After(&c.Tamper, http.MethodPost, mdmserver.TermsPath, func(x *hook.Exchange) {
			if x.Status == http.StatusFound {
				x.Status = http.StatusSeeOther
			}
		})
		c.Tamper.Serve = append(c.Tamper.Serve, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				known, err := r.Cookie(cookie)
				if r.URL.Path != shown || err != nil {
					next.ServeHTTP(w, r)
					return
				}
				mu.Lock()
				page := pages[known.Value]
				mu.Unlock()
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.Write(page) //nolint:errcheck // the browser is gone
			})
		})
	}}
	UserPolicies = &Variant{Name: "user-policies", Does: "has policies for the users of a directory", Seen: "Learn, \"Microsoft Entra integration with MDM\", Management protocol", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			d := v.Device
			joined := d.EnrollmentType == "Device"
			if v.Opens && d.Directory != "" && hook.Planning(v) && (joined && d.User != "" || !joined && strings.EqualFold(d.Login, "user")) {
				r.Plan = append(r.Plan, hook.UserPolicy())
			}
		})
	}}
)

var ofDirectory = []*Variant{TermsRequired, TermsOneApp, TermsWords, TermsElsewhere, UserPolicies}
