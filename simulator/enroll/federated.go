package enroll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// AppRU is where a sign-in page posts its result: the enrollment client's own
// address (Learn, "Federated authentication device enrollment").
const AppRU = "ms-app://windows.immersivecontrolpanel"

// SignIn drives a server's authentication page as the web authentication broker
// does. It opens the page, fills in forms and submits them, until a form posts
// wresult, the token, to appru. HTTP must not follow redirects by itself.
type SignIn struct {
	HTTP               *http.Client
	URL                string // AuthenticationServiceUrl
	LoginHint          string // the user's UPN
	Username, Password string
	// AppRU replaces the address that gets the result.
	AppRU string
}

const maxPages = 12 // more pages mean a loop

// Open returns the raw page and its HTTP status.
func (s *SignIn) Open(ctx context.Context) (page []byte, status int, err error) {
	at, err := s.at()
	if err != nil {
		return nil, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, 0, err
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	page, err = io.ReadAll(io.LimitReader(resp.Body, MaxMessage))
	return page, resp.StatusCode, err
}

// Address is the page's URL with the parameters that Windows adds.
func (s *SignIn) Address() (string, error) {
	at, err := s.at()
	if err != nil {
		return "", err
	}
	return at.String(), nil
}

// at is the page's URL with the client's parameters.
func (s *SignIn) at() (*url.URL, error) {
	at, err := url.Parse(s.URL)
	if err != nil || at.Scheme != "https" || at.Host == "" {
		return nil, fmt.Errorf("AuthenticationServiceUrl %q is not an absolute https URL", s.URL)
	}
	q := at.Query()
	q.Set("appru", cmp.Or(s.AppRU, AppRU))
	q.Set("login_hint", s.LoginHint)
	at.RawQuery = q.Encode()
	return at, nil
}

// Token returns wresult. Errors are *Error with StepSignIn.
func (s *SignIn) Token(ctx context.Context) ([]byte, error) {
	token, status, err := s.token(ctx)
	if err != nil {
		return nil, &Error{Step: StepSignIn, Status: status, Err: err}
	}
	return token, nil
}

// UnusableError is a sign-in page that simulated devices cannot use: it leads
// to another organisation's directory, scripts build it, or a password is missing.
// The server is not to blame.
type UnusableError struct {
	Why string
	Err error // the error instead of a page; nil if a page came
	// NoPassword: the page asks for a password, and the client has none.
	NoPassword bool
	// Asked is a field that the client cannot fill in.
	Asked string
}

func (e *UnusableError) Error() string {
	if e.Err == nil {
		return e.Why
	}
	return fmt.Sprintf("%s (%v)", e.Why, e.Err)
}

// Unwrap returns that error.
func (e *UnusableError) Unwrap() error { return e.Err }

// directories are hosts where only people sign in. Devices send nothing there.
var directories = []string{"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "login.live.com", "accounts.google.com"}

func leadsAway(at *url.URL, err error) error {
	return &UnusableError{Why: fmt.Sprintf("the sign-in page leads to %s, where no simulated device can sign in", at.Hostname()), Err: err}
}

func (s *SignIn) token(ctx context.Context) ([]byte, int, error) {
	appru := cmp.Or(s.AppRU, AppRU)
	at, err := s.at()
	if err != nil {
		return nil, 0, err
	}
	v, err := newVisitor(s.HTTP, at, s.Password)
	if err != nil {
		return nil, 0, err
	}
	err = v.open(ctx, http.MethodGet, at, "", "")
	asked := false
	for range maxPages {
		if err != nil {
			return nil, v.status, err
		}
		f := signInForm(v.page)
		if f == nil {
			switch {
			case v.elsewhere(v.at):
				return nil, v.status, leadsAway(v.at, nil)
			case scripted(v.page):
				return nil, v.status, &UnusableError{Why: "a script builds the sign-in page, and dmwake runs no scripts"}
			}
			return nil, v.status, errors.New("the page has no form to sign in or to return wresult")
		}
		if token, err := v.result(appru); token != nil || err != nil {
			return token, v.status, err
		}
		switch {
		case f.password != "" && s.Password == "":
			return nil, v.status, &UnusableError{Why: "the sign-in page asks for a password, and there is none", NoPassword: true}
		case f.password != "" && asked:
			return nil, v.status, &Fault{Code: "Receiver", Subcode: FaultAuthentication, Reason: "the page asks for the password again: the user name or the password is wrong"}
		}
		asked = asked || f.password != ""
		s.fill(f)
		err = v.submit(ctx, f)
	}
	if err != nil {
		return nil, v.status, err
	}
	return nil, 0, fmt.Errorf("no wresult after %d pages", maxPages)
}

// fill enters the user's name and password into a form.
func (s *SignIn) fill(f *form) {
	if f.user != "" {
		f.values.Set(f.user, s.Username)
	}
	if f.password != "" {
		f.values.Set(f.password, s.Password)
	}
}
