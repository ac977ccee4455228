package lab

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/dmwake/dmwake/harness/signin"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// gate stands before the reference server: it lets enrollments pass whose token it
// knows, and then shows the server a password. It may replace the sign-in page.
type gate struct {
	next      http.Handler
	policy    string // what Discover says
	valueType string
	token     string
	page      http.HandlerFunc // of the sign-in; nil: the server's own

	mu  sync.Mutex
	saw []string // ValueTypes
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.page != nil && strings.HasPrefix(r.URL.Path, "/own/") {
		g.page(w, r)
		return
	}
	raw := readAll(r)
	e, err := enroll.ReadEnvelope(raw)
	if err != nil || e.BodyName() == "" {
		r.Body = body(raw)
		g.next.ServeHTTP(w, r)
		return
	}
	if e.BodyName() == "Discover" {
		rec := httptest.NewRecorder()
		r.Body = body(raw)
		g.next.ServeHTTP(rec, r)
		reply := strings.ReplaceAll(rec.Body.String(), "<AuthPolicy>OnPremise</AuthPolicy>", "<AuthPolicy>"+g.policy+"</AuthPolicy>")
		if g.page != nil {
			reply = strings.Replace(reply, "</AuthPolicy>", "</AuthPolicy><AuthenticationServiceUrl>https://"+r.Host+"/own/page</AuthenticationServiceUrl>", 1)
		}
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		fmt.Fprint(w, reply)
		return
	}
	g.mu.Lock()
	g.saw = append(g.saw, e.TokenType)
	g.mu.Unlock()
	if e.TokenType != g.valueType || string(e.Token) != g.token {
		out, _ := (&enroll.Fault{Code: "Receiver", Subcode: enroll.FaultAuthentication, Reason: "unknown agent"}).Write(e.MessageID, "a")
		w.Header().Set("Content-Type", enroll.MediaType)
		w.WriteHeader(http.StatusInternalServerError)
		w.Write(out)
		return
	}
	text := string(raw)
	from, to := strings.Index(text, "<wsse:BinarySecurityToken"), strings.Index(text, "</wsse:BinarySecurityToken>")+len("</wsse:BinarySecurityToken>")
	text = text[:from] + `<wsse:UsernameToken u:Id="x"><wsse:Username>demo@mdm.example</wsse:Username><wsse:Password>p</wsse:Password></wsse:UsernameToken>` + text[to:]
	r.Body, r.ContentLength = body([]byte(text)), int64(len(text))
	g.next.ServeHTTP(w, r)
}

// gated is a lab whose server is behind a gate.
func gated(t *testing.T, g *gate, edit func(*target.Target)) *Lab {
	t.Helper()
	return served(t, "", func(h http.Handler) http.Handler {
		g.next = h
		return g
	}, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery = "https://" + addr + mdmserver.DiscoveryPath
		edit(&cfg.Target)
	})
}

// enrolls enrolls a device and holds a session.
func enrolls(t *testing.T, l *Lab) (*dmclient.Device, error) {
	t.Helper()
	d, err := l.NewDevice(dmclient.Win11v25H2())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if err := l.Enroll(t.Context(), d); err != nil {
		return d, err
	}
	_, err = d.Sync(t.Context(), dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	return d, err
}

// TestOwnToken: the server's agent has a token of its own type, and Discover says
// OnPremise all the same. The device sends it only to enroll.
func TestOwnToken(t *testing.T) {
	const own = "urn:example:agent-token"
	g := &gate{policy: "OnPremise", valueType: own, token: "agent of SN"}
	l := gated(t, g, func(c *target.Target) {
		c.Password = target.Secret{}
		c.Hooks.Token = &target.TokenHook{Hook: target.Hook{Exec: []string{"echo", "agent of {{slice .SerialNumber 0 2}}"}}, ValueType: own}
	})
	d, err := enrolls(t, l)
	if err != nil {
		t.Fatal(err)
	}
	for _, ty := range g.saw {
		if ty != own {
			t.Errorf("a token of type %q", ty)
		}
	}
	secret := base64.StdEncoding.EncodeToString([]byte(g.token))
	for _, s := range d.Sessions() {
		for _, ex := range s.Exchanges {
			if text := string(ex.Request); strings.Contains(text, "AADUserToken") || strings.Contains(text, g.token) || strings.Contains(text, secret) || ex.Header.Get("Authorization") != "" {
				t.Errorf("the agent's token is in a session: %s", text)
			}
		}
	}
	for script, want := range map[string]string{
		"true":                             "the token hook failed: it printed nothing; let it print the token on standard output",
		"echo 'no such agent' >&2; exit 1": "the token hook failed: sh: exit status 1: no such agent",
		"echo another":                     "unknown agent",
	} {
		l.Config.Target.Hooks.Token.Exec = []string{"sh", "-c", script}
		_, err := enrolls(t, l)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", script, err)
		}
		if excused := Excuse(err); (excused != nil) != strings.HasPrefix(want, "the token hook") || excused != nil && excused.Do != "fix target.hooks.token" {
			t.Errorf("%s: excused %v", script, excused)
		}
	}
}

// TestDirectoryToken: a token hook without a ValueType prints a directory's token,
// which the device also shows in its sessions.
func TestDirectoryToken(t *testing.T) {
	for _, policy := range []string{"Federated", "OnPremise"} {
		g := &gate{policy: policy, valueType: enroll.JWTToken, token: "a.b.c"}
		l := gated(t, g, func(c *target.Target) {
			c.Hooks.Token = &target.TokenHook{Hook: target.Hook{Exec: []string{"echo", "a.b.c"}}}
		})
		d, err := enrolls(t, l)
		if err != nil {
			t.Fatalf("%s: %v", policy, err)
		}
		if first := string(d.Sessions()[0].Exchanges[0].Request); !strings.Contains(first, "com.microsoft/MDM/AADUserToken") {
			t.Errorf("%s: package 1 does not show the user's token: %s", policy, first)
		}
	}
}

// ownPages is a sign-in of two steps: the second page is built by a script, which
// asks an API.
func ownPages(token string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/own/page":
			http.SetCookie(w, &http.Cookie{Name: "appru", Value: url.QueryEscape(r.URL.Query().Get("appru")), Path: "/own", Secure: true})
			fmt.Fprintf(w, `<form method="post" action="/own/org"><input name="org" value="%s"></form>`, html.EscapeString(r.URL.Query().Get("login_hint")))
		case "/own/org":
			fmt.Fprint(w, `<div id="app"></div><script>
				const p = Object.assign(document.createElement('input'), {type: 'password'}), b = Object.assign(document.createElement('button'), {textContent: 'In'});
				b.onclick = async () => { const r = await fetch('/own/api', {method: 'POST', body: JSON.stringify({password: p.value})}); location.href = (await r.json()).next; };
				app.append(p, b);</script>`)
		case "/own/api":
			if string(readAll(r)) != `{"password":"p"}` {
				http.Error(w, `{"error":"wrong"}`, http.StatusForbidden)
				return
			}
			fmt.Fprint(w, `{"next":"/own/done"}`)
		case "/own/done":
			c, err := r.Cookie("appru")
			if err != nil {
				http.Error(w, "no cookie", http.StatusForbidden)
				return
			}
			appru, _ := url.QueryUnescape(c.Value)
			fmt.Fprintf(w, `<form id="f" method="post" action="%s"><input type="hidden" name="wresult" value="%s"></form><script>f.submit()</script>`, html.EscapeString(appru), token)
		default:
			http.NotFound(w, r)
		}
	}
}

// TestWaysToSignIn: where the form cannot be filled in, steps, a hook and a browser
// sign in; and the message names these ways.
func TestWaysToSignIn(t *testing.T) {
	path := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		way    target.SignIn
		want   string // of the error
		excuse string // what to do
	}{
		"form": {want: "a script builds the sign-in page", excuse: TokenDo},
		"steps": {way: target.SignIn{Steps: []target.SignInStep{
			{Get: path("{{.SignInURL}}")}, {Fill: map[string]string{"org": "{{.Username}}"}}, {Post: "/own/api", Body: `{"password":{{json .Password}}}`}, {Get: path("/own/done")},
		}}},
		"steps that fail": {way: target.SignIn{Steps: []target.SignInStep{{Get: path("")}, {Fill: map[string]string{"user": "x"}}}}, want: "step 2 (fill): no form has user; the page has /own/org (org)", excuse: stepsDo},
		"hook":            {way: target.SignIn{Hook: &target.Hook{Exec: []string{"sh", "-c", `test "$2" = p && case "$1" in *appru=ms-app*login_hint=demo%40mdm.example) echo " the-token "; esac`, "-", "{{.SignInURL}}", "{{.Password}}"}}}},
		"hook that fails": {way: target.SignIn{Hook: &target.Hook{Exec: []string{"sh", "-c", "echo no p session >&2; exit 2"}}}, want: "the signin hook failed: sh: exit status 2: no p session", excuse: "fix target.signin.hook"},
		"browser":         {way: target.SignIn{Browser: "auto"}},
		"no browser":      {way: target.SignIn{Browser: "/no/chromium"}, want: "no browser at /no/chromium", excuse: startDo},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := signin.Find(""); err != nil && name == "browser" {
				t.Skip("NOT RUN: " + err.Error())
			}
			g := &gate{policy: "Federated", valueType: enroll.UserToken, token: "the-token", page: ownPages("the-token")}
			l := gated(t, g, func(t *target.Target) {
				t.SignIn = c.way
			})
			_, err := enrolls(t, l)
			switch {
			case c.want == "":
				if err != nil {
					t.Error(err)
				}
			case err == nil || !strings.Contains(err.Error(), c.want):
				t.Errorf("%v, want %q", err, c.want)
			case c.excuse != "" && (Excuse(err) == nil || Excuse(err).Do != c.excuse):
				t.Errorf("to do: %v, want %s", Excuse(err), c.excuse)
			}
		})
	}
}

// TestNoPassword: a page that asks for no password needs none, and what asks for one
// is told.
func TestNoPassword(t *testing.T) {
	result := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<body><form method="post" action="%s"><input type="hidden" name="wresult" value="the-token"></form>`, enroll.AppRU)
	}
	for name, c := range map[string]struct {
		policy string
		page   string // instead of the one with the result
		want   string
	}{
		"a page without":  {"Federated", "", ""},
		"a page with one": {"Federated", `<body><form method="post" action="/own/in"><input type="password" name="p"></form>`, "the sign-in page asks for a password, and there is none: set target.password"},
		"OnPremise":       {"OnPremise", "", "the server asks for a user name and a password (AuthPolicy OnPremise), and target.password is not set: set target.password"},
	} {
		g := &gate{policy: c.policy, valueType: enroll.UserToken, token: "the-token", page: func(w http.ResponseWriter, r *http.Request) {
			if c.page != "" {
				fmt.Fprint(w, c.page)
				return
			}
			result(w, r)
		}}
		l := gated(t, g, func(t *target.Target) { t.Password = target.Secret{} })
		_, err := enrolls(t, l)
		if c.want == "" && err != nil || c.want != "" && (Excuse(err) == nil || !strings.Contains(Excuse(err).Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func readAll(r *http.Request) []byte {
	raw, _ := io.ReadAll(r.Body)
	return raw
}

func body(raw []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(raw)) }
