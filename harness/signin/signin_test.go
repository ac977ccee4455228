package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// browser is one Chromium for all tests of the package.
var browser = New("")

func TestMain(m *testing.M) {
	code := m.Run()
	browser.Close()
	os.Exit(code)
}

// pages is a server with sign-in pages of several kinds. Each needs its cookie, which
// scripts cannot read.
func pages(t *testing.T) *httptest.Server {
	t.Helper()
	const result = `<script>
		const f = document.createElement('form'); f.method = 'post'; f.action = sessionStorage.getItem('appru') || localStorage.getItem('appru');
		const i = document.createElement('input'); i.type = 'hidden'; i.name = 'wresult'; i.value = 'a & "b"'; f.append(i); document.body.append(f); f.submit();
		</script>`
	const keep = `<script>localStorage.setItem('appru', new URLSearchParams(location.search).get('appru'))</script>`
	mux := http.NewServeMux()
	mux.HandleFunc("/start", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "state", Value: "7", Path: "/", Secure: true, HttpOnly: true})
		http.Redirect(w, r, r.URL.Query().Get("to")+"?"+r.URL.RawQuery, http.StatusFound)
	})
	// A script builds the form, asks an API with JSON, and enables the button only
	// when something was typed.
	mux.HandleFunc("/app", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<title>Sign in</title><body><div id="app"></div>`+keep+`<script src="/app.js"></script>`)
	})
	mux.HandleFunc("/app.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `
			const app = document.getElementById('app'), el = (tag, more) => Object.assign(document.createElement(tag), more);
			const user = el('input', {type: 'email'}), pass = el('input', {type: 'password'}), go = el('button', {type: 'button', textContent: 'Next', disabled: true}), says = el('p', {});
			const data = {};
			user.addEventListener('input', () => { data.user = user.value; go.disabled = false; });
			pass.addEventListener('input', () => { data.pass = pass.value; go.disabled = false; });
			go.addEventListener('click', async () => {
				go.disabled = true;
				if (!data.pass) { app.replaceChildren(pass, go); return; }
				const r = await fetch('/api', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(data)});
				if (!r.ok) { says.textContent = 'Wrong password for ' + data.pass; pass.value = ''; delete pass.dataset.dmwake; app.replaceChildren(says, pass, go); return; }
				location.href = '/result';
			});
			setTimeout(() => app.append(user, go), 50);`)
	})
	mux.HandleFunc("/api", func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 1000)
		n, _ := r.Body.Read(buf)
		if c, err := r.Cookie("state"); err != nil || c.Value != "7" || string(buf[:n]) != `{"user":"u@x","pass":"right \"1\""}` {
			http.Error(w, "no", http.StatusForbidden)
		}
	})
	mux.HandleFunc("/result", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("state"); err != nil {
			http.Error(w, "no cookie", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, "<body>"+result)
	})
	// Two pages of plain forms.
	mux.HandleFunc("/two", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, keep+`<form method="post" action="/two/2"><input name="u"><input type="checkbox" name="terms" required><button>Next</button></form>`)
	})
	mux.HandleFunc("/two/2", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("u") != "u@x" || r.PostFormValue("terms") != "on" {
			http.Error(w, "no terms", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, `<title>Password</title><form method="post" action="/two/3"><input type="password" name="p"><input type="submit"></form>`)
	})
	mux.HandleFunc("/two/3", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("p") != `right "1"` {
			fmt.Fprint(w, `<p>Not this one.</p><form method="post" action="/two/3"><input type="password" name="p"><input type="submit"></form>`)
			return
		}
		http.Redirect(w, r, "/result", http.StatusSeeOther)
	})
	// Nothing to type, one button.
	mux.HandleFunc("/click", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, keep+`<form method="post" action="/result"><button>Enroll this PC</button></form>`)
	})
	mux.HandleFunc("/dead", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<title>Hello</title><body>Ask your administrator right "1"`)
	})
	mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<body><form method="post" action="https://evil.example"><input name="wresult" value="x"></form>`)
	})
	mux.HandleFunc("/gone", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "database is down", http.StatusInternalServerError)
	})
	srv := httptest.NewTLSServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

// TestSignIn: a real browser signs in on pages that a script builds, in two steps and
// without a password, over the device's own client; and says what a page showed.
func TestSignIn(t *testing.T) {
	if _, err := Find(""); err != nil {
		t.Skip("NOT RUN: " + err.Error())
	}
	srv := pages(t)
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	const right = `right "1"`
	for name, c := range map[string]struct {
		to, password string
		want         string // of the error
		unusable     bool
	}{
		"by a script":           {"/app", right, "", false},
		"two pages":             {"/two", right, "", false},
		"a click":               {"/click", "", "", false},
		"wrong, by a script":    {"/app", "wrong-1", `the page asks for the password again; it says "Wrong password for [redacted] Next"`, false},
		"wrong, by a form":      {"/two", "wrong-1", `it says "Not this one."`, false},
		"no password":           {"/app", "", "asks for a password, and there is none", true},
		"nothing to do":         {"/dead", right, `the browser got no wresult; the page "Hello" of 127.0.0.1:`, true},
		"wresult for another":   {"/elsewhere", right, "expected the form with wresult to POST to appru", false},
		"the server's own page": {"/gone", right, "HTTP status 500 of /gone: database is down", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			token, err := browser.SignIn(ctx, Page{HTTP: client, URL: srv.URL + "/start?to=" + c.to + "&appru=" + "ms-app%3A%2F%2Fwindows.immersivecontrolpanel", Username: "u@x", Password: c.password})
			var e *enroll.Error
			var unusable *enroll.UnusableError
			switch {
			case c.want == "":
				if err != nil || string(token) != `a & "b"` {
					t.Errorf("%q, %v", token, err)
				}
			case err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &e) || e.Step != enroll.StepSignIn || errors.As(err, &unusable) != c.unusable:
				t.Errorf("%v, want %q", err, c.want)
			case c.password != "" && strings.Contains(err.Error(), c.password):
				t.Errorf("the password is told: %v", err)
			}
		})
	}
}

// TestNoBrowser: without Chromium the error says what to install.
func TestNoBrowser(t *testing.T) {
	if _, err := Find("/no/such/chromium"); err == nil || !strings.Contains(err.Error(), "no browser at /no/such/chromium") {
		t.Errorf("%v", err)
	}
	t.Setenv("PATH", t.TempDir())
	var start *StartError
	if _, err := New("").SignIn(t.Context(), Page{}); err == nil || !strings.Contains(err.Error(), "no Chromium is installed (looked for chromium, chromium-browser,") || !errors.As(err, &start) {
		t.Errorf("%v", err)
	}
}
