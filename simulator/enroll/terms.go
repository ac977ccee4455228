package enroll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// TermsRedirect is where a terms-of-use page sends the user's answer. It has the form
// of the published example; the name of Windows' own app is not documented [model].
const TermsRedirect = "ms-appx-web://dmwake/ToUResponse"

// TermsVersion is the api-version of the terms-of-use protocol.
const TermsVersion = "1.0"

// Terms shows a user the terms of use of a server, as a device does that joins a
// directory: it opens the page, presses Accept or Decline and reads the redirect
// (Learn, "Microsoft Entra integration with MDM", Terms of Use protocol semantics).
// HTTP must not follow redirects by itself.
type Terms struct {
	HTTP *http.Client
	URL  string
	// Token is the user's. Only the page's own host gets it, until there is a page.
	Token string
	// Join says that the organization owns the device (mode=azureadjoin).
	Join bool
	// Refuse presses Decline.
	Refuse    bool
	RequestID string // client-request-id, a GUID
	// Version replaces TermsVersion, Redirect replaces TermsRedirect.
	Version, Redirect string
}

// ErrTermsRefused is what a redirect with IsAccepted=false means for the device.
var ErrTermsRefused = errors.New("the terms of use were declined, so the device does not enroll")

// Answer returns OpaqueBlob, which the enrollment service gets as EnrollmentData. It
// may be empty, though it is required. Errors are *Error with StepTerms.
func (t *Terms) Answer(ctx context.Context) (blob string, err error) {
	to, status, err := t.Press(ctx)
	if err == nil {
		blob, err = t.read(to)
	}
	if err != nil {
		return "", &Error{Step: StepTerms, Status: status, Err: err}
	}
	return blob, nil
}

// At is the page's URL with the device's parameters.
func (t *Terms) At() (*url.URL, error) {
	at, err := url.Parse(t.URL)
	if err != nil || at.Scheme != "https" || at.Host == "" {
		return nil, fmt.Errorf("the URL %q of the terms of use is not an absolute https URL", t.URL)
	}
	q := at.Query()
	q.Set("redirect_uri", t.redirect())
	q.Set("client-request-id", t.RequestID)
	q.Set("api-version", t.version())
	if t.Join {
		q.Set("mode", "azureadjoin")
	}
	at.RawQuery = q.Encode()
	return at, nil
}

func (t *Terms) redirect() string {
	if t.Redirect != "" {
		return t.Redirect
	}
	return TermsRedirect
}

func (t *Terms) version() string {
	if t.Version != "" {
		return t.Version
	}
	return TermsVersion
}

// isAnswer reports whether a URL is the redirect_uri, with an answer or without.
func (t *Terms) isAnswer(u *url.URL) bool {
	bare := *u
	bare.RawQuery, bare.Fragment = "", ""
	return strings.EqualFold(bare.String(), t.redirect())
}

// visit is a request of the browser.
type visit struct {
	at     *url.URL
	method string
	values url.Values // of a form
	token  string
}

// Press goes through the pages up to the redirect, and returns its URL, whatever
// it says, and the HTTP status of the last reply.
func (t *Terms) Press(ctx context.Context) (to *url.URL, status int, err error) {
	at, err := t.At()
	if err != nil {
		return nil, 0, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, 0, err
	}
	browser := *t.HTTP
	browser.Jar = jar
	home, next := at.Host, visit{at: at, method: http.MethodGet, token: t.Token}
	for range maxPages {
		var page *html.Node
		if page, to, status, err = t.fetch(ctx, &browser, &next); err != nil {
			return nil, status, err
		}
		if to == nil {
			next, err = t.press(page, next.at)
		} else if next = (visit{at: to, method: http.MethodGet, token: next.token}); to.Host != home {
			next.token = ""
		}
		switch {
		case err != nil:
			return nil, status, err
		case t.isAnswer(next.at):
			if len(next.values) > 0 { // a form sends the answer itself
				next.at.RawQuery = next.values.Encode()
			}
			return next.at, status, nil
		case slices.Contains(directories, strings.ToLower(next.at.Hostname())):
			return nil, status, &UnusableError{Why: "the terms-of-use page leads to " + next.at.Hostname() + ", where no simulated device can sign in"}
		case next.at.Scheme != "https":
			return nil, status, fmt.Errorf("the page leads to %s, which is neither https nor the redirect_uri %s", bare(next.at), t.redirect())
		}
	}
	return nil, status, fmt.Errorf("no answer after %d pages", maxPages)
}

func bare(u *url.URL) string {
	out := *u
	out.RawQuery, out.Fragment = "", ""
	return out.Redacted()
}

// fetch gets a page, or where it redirects to.
func (t *Terms) fetch(ctx context.Context, c *http.Client, v *visit) (page *html.Node, to *url.URL, status int, err error) {
	at, body := *v.at, io.Reader(nil)
	if v.method == http.MethodPost {
		body = strings.NewReader(v.values.Encode())
	} else if len(v.values) > 0 {
		at.RawQuery = v.values.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, v.method, at.String(), body)
	if err != nil {
		return nil, nil, 0, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept-Language", "en-US,en") // press knows the English words
	if v.token != "" {
		req.Header.Set("Authorization", "Bearer "+v.token)
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, 0, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		if to, err = resp.Location(); err != nil {
			err = fmt.Errorf("HTTP status %d without a Location", resp.StatusCode)
		}
	case resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("HTTP status %d", resp.StatusCode)
		raw, _ := io.ReadAll(io.LimitReader(resp.Body, MaxMessage)) // a part is enough for a hint
		if words := OwnWords(raw, t.Token); words != "" {
			err = fmt.Errorf("%w: %s", err, words)
		}
	default:
		page, err = html.Parse(io.LimitReader(resp.Body, MaxMessage))
	}
	return page, to, resp.StatusCode, err
}

// read is the meaning of the redirect.
func (t *Terms) read(to *url.URL) (blob string, err error) {
	q := to.Query()
	if code := q.Get("error"); code != "" {
		return "", fmt.Errorf("the server refuses: %s", OwnWords([]byte(code+": "+q.Get("error_description")), t.Token))
	}
	switch said := q.Get("IsAccepted"); {
	case strings.EqualFold(said, "true"):
		return q.Get("OpaqueBlob"), nil
	case strings.EqualFold(said, "false"):
		return "", ErrTermsRefused
	default:
		return "", fmt.Errorf("the redirect says neither error nor IsAccepted=true or false, but IsAccepted=%.40q", said)
	}
}
