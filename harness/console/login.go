package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// door asks a browser for the token once. The browser keeps a cookie that is bound to
// the token and to this process; nothing can be learned from it about the token.
type door struct {
	token string
	key   []byte
}

// stay is how long a browser is let in.
const stay = 12 * time.Hour

func newDoor(token string) *door {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return &door{token, key}
}

// keep lets those in who have the cookie; all others get the form.
func (d *door) keep(next http.Handler) http.Handler {
	if d.token == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, Prefix+"static/"):
			next.ServeHTTP(w, r) // the form needs them, and they tell nothing
		case r.Method == http.MethodPost && r.URL.Path == Prefix+"login":
			d.login(w, r)
		case !d.knows(r):
			d.ask(w, r, http.StatusUnauthorized, "")
		case r.Method == http.MethodPost && r.URL.Path == Prefix+"logout":
			http.SetCookie(w, d.cookie(r, "", -1))
			http.Redirect(w, r, Prefix, http.StatusSeeOther)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// login takes the token from the form's body, never from a URL.
func (d *door) login(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		d.ask(w, r, http.StatusBadRequest, "The form could not be read.")
		return
	}
	got, want := sha256.Sum256([]byte(r.PostForm.Get("token"))), sha256.Sum256([]byte(d.token))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		d.ask(w, r, http.StatusUnauthorized, "This is not the token. It is the value of DMWAKE_CONTROL_TOKEN, with which the lab was started.")
		return
	}
	until := strconv.FormatInt(time.Now().Add(stay).Unix(), 10)
	http.SetCookie(w, d.cookie(r, until+"."+d.sign(until), int(stay/time.Second)))
	to := r.PostForm.Get("to")
	if !ours(to) {
		to = Prefix
	}
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // a path of the console
}

// ours reports whether a path is one of the console.
func ours(path string) bool {
	return strings.HasPrefix(path, Prefix) && !strings.ContainsAny(path, "\\\r\n")
}

func (d *door) ask(w http.ResponseWriter, r *http.Request, status int, wrong string) {
	to := Prefix
	if r.Method == http.MethodGet && ours(r.URL.RequestURI()) {
		to = r.URL.RequestURI()
	}
	if at := r.PostFormValue("to"); ours(at) {
		to = at
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	pages.ExecuteTemplate(w, "login", map[string]string{"To": to, "Wrong": wrong}) //nolint:errcheck // the browser is gone
}

// cookie names the port, because browsers send the cookies of one port to all others of
// a host, and several labs may run on one.
func (d *door) cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{Name: cookieName(r), Value: value, Path: Prefix, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil} //nolint:gosec // the lab speaks plain HTTP
}

func cookieName(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil || port == "" {
		return "dmwake_console"
	}
	return "dmwake_console_" + port
}

func (d *door) sign(until string) string {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(d.token + "\n" + until))
	return hex.EncodeToString(mac.Sum(nil))
}

func (d *door) knows(r *http.Request) bool {
	c, err := r.Cookie(cookieName(r))
	if err != nil {
		return false
	}
	until, sum, _ := strings.Cut(c.Value, ".")
	at, err := strconv.ParseInt(until, 10, 64)
	return err == nil && time.Now().Unix() < at && hmac.Equal([]byte(sum), []byte(d.sign(until)))
}
