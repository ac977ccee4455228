package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/harness/signin"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// PasswordDo tells the user what to do if there is no password to enroll with.
const PasswordDo = "set target.password: {env: MDM_PASSWORD}, or target.hooks.token"

// maxToken limits a token that a hook prints, in bytes.
const maxToken = 64 << 10

// Credential is dmclient.Config.Credential: the token of target.hooks.token whatever
// the server names, or the target's own way to sign in.
func (l *Lab) Credential(ctx context.Context, d *dmclient.Device, r *enroll.DiscoverResponse) (*enroll.Credential, error) {
	t := &l.Config.Target
	switch {
	case t.Hooks.Token != nil:
		return l.ownToken(ctx, d)
	case l.Directory != nil:
		return nil, nil //nolint:nilnil // the device brings its own
	case r.AuthPolicy == "Federated" && !t.SignIn.Default():
		token, err := l.SignIn(ctx, d, r)
		if err != nil {
			return nil, err
		}
		return &enroll.Credential{Token: token}, nil
	case (r.AuthPolicy == "OnPremise" || r.AuthPolicy == "") && t.Password.Value() == "":
		return nil, signInError(&ExcusedError{What: "the server asks for a user name and a password (AuthPolicy OnPremise), and target.password is not set", Do: PasswordDo, Err: errNoPassword})
	}
	return nil, nil //nolint:nilnil // the device does what the server names
}

var errNoPassword = errors.New("no password")

func signInError(err error) error { return &enroll.Error{Step: enroll.StepSignIn, Err: err} }

// ownToken is the token that target.hooks.token prints for a device.
func (l *Lab) ownToken(ctx context.Context, d *dmclient.Device) (*enroll.Credential, error) {
	h := l.Config.Target.Hooks.Token
	v := l.known(d)
	v.Password, v.TokenKind = l.Config.Target.Password.Value(), "user"
	out, err := l.do(ctx, "token", &h.Hook, v)
	if err == nil {
		out, err = printed(out)
	}
	if err != nil {
		return nil, signInError(hookError("token", err))
	}
	return &enroll.Credential{Token: []byte(out), TokenType: h.Type()}, nil
}

// printed is a token that a hook printed.
func printed(out string) (string, error) {
	token := strings.TrimSpace(out)
	switch {
	case token == "":
		return "", errors.New("it printed nothing; let it print the token on standard output")
	case len(token) > maxToken:
		return "", fmt.Errorf("it printed %d bytes; a token has up to %d", len(token), maxToken)
	}
	return token, nil
}

// SignIn signs in on the page that Discover named, in the target's way, and returns
// wresult. Errors are *enroll.Error.
func (l *Lab) SignIn(ctx context.Context, d *dmclient.Device, r *enroll.DiscoverResponse) ([]byte, error) {
	t := &l.Config.Target
	client := d.EnrollmentClient(dmclient.EnrollOptions{}).HTTP
	defer client.CloseIdleConnections()
	page := &enroll.SignIn{HTTP: client, URL: r.AuthenticationURL, LoginHint: t.Username, Username: t.Username, Password: t.Password.Value()}
	if t.SignIn.Default() {
		return page.Token(ctx)
	}
	at, err := page.Address()
	if err != nil {
		return nil, signInError(err)
	}
	v := l.known(d)
	v.SignInURL, v.Password = at, page.Password
	switch s := &t.SignIn; {
	case s.Hook != nil:
		out, err := l.do(ctx, "signin", s.Hook, v)
		if err == nil {
			out, err = printed(out)
		}
		if err != nil {
			return nil, signInError(hookError("signin", err))
		}
		return []byte(out), nil
	case s.Browser != "":
		within, cancel := context.WithTimeout(ctx, l.Config.Timeouts.SignIn)
		defer cancel()
		token, err := l.browser().SignIn(within, signin.Page{HTTP: client, URL: at, Username: t.Username, Password: page.Password})
		return token, excusedBy(err, browserDo)
	default:
		script, err := s.Script(v)
		if err != nil {
			return nil, signInError(fmt.Errorf("target.signin.steps: %w", err))
		}
		script.HTTP, script.URL, script.LoginHint = client, r.AuthenticationURL, t.Username
		token, err := script.Token(ctx)
		return token, excusedBy(err, stepsDo)
	}
}

// What the user can do about a way to sign in that does not work.
const (
	startDo   = "install Chromium (Debian package chromium), or set target.signin.browser to its path"
	browserDo = "use target.signin.steps, target.signin.hook or target.hooks.token instead"
	stepsDo   = "fix target.signin.steps"
)

// excusedBy is the error of a sign-in in the target's own way. If the server is not
// to blame, it says what to do.
func excusedBy(err error, do string) error {
	var start *signin.StartError
	var page *enroll.UnusableError
	var e *enroll.Error
	switch {
	case errors.As(err, &start):
		return signInError(&ExcusedError{start.Error(), startDo, err})
	case errors.As(err, &page) && !page.NoPassword && errors.As(err, &e):
		return signInError(&ExcusedError{e.Err.Error(), do, err}) // with the step
	}
	return err
}

// browser is the lab's browser. The labs of a run share one.
func (l *Lab) browser() *signin.Browser {
	f := l.family
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.browser == nil {
		f.browser = signin.New(string(l.Config.Target.SignIn.Browser))
	}
	return f.browser
}

func (f *family) closeBrowser() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.browser != nil {
		f.browser.Close()
	}
}
