package variants

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of the sign-in page of Federated enrollment. What the page looks like
// is the server's own affair (Learn, "Federated authentication device enrollment").
var (
	SignInNoPassword = &Variant{Name: "signin-no-password", Does: "asks for the user on its sign-in page, and for no password", Seen: "seen", Vary: func(c *mdmserver.Config) {
		page(c, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPost {
				r.PostForm.Set("password", c.Password)
			}
			next.ServeHTTP(w, submitted(r))
		})
		hook.After(&c.Tamper, http.MethodGet, mdmserver.SignInPath, func(x *hook.Exchange) { x.Reply = passwordField.ReplaceAll(x.Reply, nil) })
	}}
	SignInTwoPages = &Variant{Name: "signin-two-pages", Does: "asks for the user on one page and for the password on the next", Seen: "seen", Vary: func(c *mdmserver.Config) {
		page(c, func(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(w, submitted(r)) })
		hook.After(&c.Tamper, http.MethodGet, mdmserver.SignInPath, func(x *hook.Exchange) { x.Reply = passwordField.ReplaceAll(x.Reply, nil) })
		hook.After(&c.Tamper, http.MethodPost, mdmserver.SignInPath, func(x *hook.Exchange) {
			x.Replace(`type="email" name="user"`, `type="hidden" name="user"`)
			if !bytes.Contains(x.In, []byte("password=")) {
				x.Replace("<p>The user name or the password is wrong.</p>", "")
			}
		})
	}}
	SignInCSRF = &Variant{Name: "signin-csrf", Does: "guards its sign-in page with a cookie and a hidden field", Seen: "seen", Vary: func(c *mdmserver.Config) {
		const name = "csrf"
		form := regexp.MustCompile(`<form method="post">`)
		page(c, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			cookie, err := r.Cookie(name)
			if r.Method == http.MethodPost && (err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(r.PostForm.Get(name))) != 1) {
				http.Error(w, "the form is of another page", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, submitted(r))
		})
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			hook.After(&c.Tamper, method, mdmserver.SignInPath, func(x *hook.Exchange) {
				if x.Status != http.StatusOK {
					return
				}
				guard := rand.Text()
				x.ReplyHeader.Add("Set-Cookie", (&http.Cookie{Name: name, Value: guard, Path: mdmserver.SignInPath, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}).String())
				x.Reply = form.ReplaceAll(x.Reply, []byte(`$0<input type="hidden" name="`+name+`" value="`+guard+`">`))
			})
		}
	}}
	SignInForms = &Variant{Name: "signin-forms", Does: "has a form for the language above the one to sign in, which needs the value of its button", Seen: "HTML, 4.10.21; seen", Vary: func(c *mdmserver.Config) {
		page(c, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPost && (r.PostForm.Get("do") != "sign in" || r.PostForm.Get("realm") != "north" || r.PostForm.Has("cancel")) {
				http.Error(w, "the form has no button to sign in", http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, submitted(r))
		})
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			hook.After(&c.Tamper, method, mdmserver.SignInPath, func(x *hook.Exchange) {
				x.Replace("<h1>", `<form action="/language"><select name="lang"><option>en</option><option>de</option></select><input name="search"><input type="submit"></form><h1>`)
				x.Replace(`<p><input type="submit" value="Sign in"></p>`, `<p><select name="realm"><option value="south">South</option><option value="north" selected>North</option></select>`+
					`<button name="do" value="sign in">Sign in</button><button name="cancel" value="1">Cancel</button><button type="button" name="help">Help</button></p>`)
			})
		}
	}}
	SignInRate = &Variant{Name: "signin-rate", Does: "answers every twentieth request to its sign-in page with 429", Seen: "RFC 6585 4; seen", Vary: func(c *mdmserver.Config) {
		var asked atomic.Int64
		page(c, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if asked.Add(1)%20 == 5 { // a device tries four times: more often, chance could refuse it each time
				w.Header().Set("Retry-After", "1")
				http.Error(w, "too many requests", http.StatusTooManyRequests)
				return
			}
			next.ServeHTTP(w, submitted(r))
		})
	}}
	SignInKnownApp = &Variant{Name: "signin-known-app", Does: "opens its sign-in page for the Settings only", Seen: "Learn, \"Federated authentication device enrollment\": the page may know its apps; CWE-601", Vary: func(c *mdmserver.Config) {
		page(c, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.FormValue("appru") != enroll.AppRU {
				http.Error(w, "this app is not known", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, submitted(r))
		})
	}}
	SignInSecond = &Variant{Name: "signin-second", Does: "returns the same token to all who sign in within a second, as a signed time does", Seen: "RFC 7519 4.1.6: seconds", Vary: func(c *mdmserver.Config) {
		token := regexp.MustCompile(`name="wresult" value="[^"]*"`)
		var mu sync.Mutex
		var second int64
		var of []byte
		hook.After(&c.Tamper, http.MethodPost, mdmserver.SignInPath, func(x *hook.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			found := token.Find(x.Reply)
			if now := time.Now().Unix(); found != nil && now != second {
				second, of = now, found
			}
			x.Reply = token.ReplaceAll(x.Reply, of)
		})
	}}
)

var signIns = []*Variant{SignInNoPassword, SignInTwoPages, SignInCSRF, SignInForms, SignInRate, SignInKnownApp, SignInSecond}

// passwordField is where the page asks for the password.
var passwordField = regexp.MustCompile(`<p><label>Password.*?</label></p>`)

// page lets f serve the sign-in page; the form of a request is parsed.
func page(c *mdmserver.Config, f func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	c.Tamper.Serve = append(c.Tamper.Serve, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != mdmserver.SignInPath {
				next.ServeHTTP(w, r)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
			if err := r.ParseForm(); err != nil {
				http.Error(w, "the form cannot be read", http.StatusBadRequest)
				return
			}
			if r.PostForm == nil {
				r.PostForm = url.Values{}
			}
			f(w, r, next)
		})
	})
}

// submitted is a request whose form was parsed, to be parsed again.
func submitted(r *http.Request) *http.Request {
	out := *r
	out.Form, out.PostForm = nil, nil
	if r.Method == http.MethodPost {
		body := r.PostForm.Encode()
		out.Body, out.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	return &out
}
