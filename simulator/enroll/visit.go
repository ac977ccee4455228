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

// visitor opens pages as a browser without scripts does: with cookies, and over
// https only.
type visitor struct {
	http   *http.Client // with cookies; follows no redirects by itself
	own    *url.URL     // of the server's page
	secret string       // hidden in errors

	at     *url.URL   // of the last page
	page   *html.Node // the last page
	raw    []byte
	status int // its HTTP status; 0 if no reply came
}

func newVisitor(client *http.Client, own *url.URL, secret string) (*visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	with := *client
	with.Jar = jar
	return &visitor{http: &with, own: own, secret: secret}, nil
}

// open opens a page, and follows redirects.
func (v *visitor) open(ctx context.Context, method string, to *url.URL, contentType string, body string) error {
	for range maxPages {
		v.status = 0
		if to.Scheme != "https" || to.Host == "" {
			return fmt.Errorf("the URL %q is not https", to.Redacted())
		}
		if slices.Contains(directories, strings.ToLower(to.Hostname())) {
			return leadsAway(to, nil)
		}
		next, err := v.fetch(ctx, method, to, contentType, body)
		if err != nil {
			if v.status == 0 && ctx.Err() == nil && v.elsewhere(to) {
				return leadsAway(to, err)
			}
			return err
		}
		if next == nil {
			v.at = to
			return nil
		}
		to, method, body, contentType = next, http.MethodGet, "", ""
	}
	return fmt.Errorf("no page after %d redirects", maxPages)
}

// elsewhere reports whether a URL is of another host than the server's page.
func (v *visitor) elsewhere(at *url.URL) bool {
	return !strings.EqualFold(v.own.Hostname(), at.Hostname())
}

// fetch does one request; next is where it is redirected to, if at all.
func (v *visitor) fetch(ctx context.Context, method string, to *url.URL, contentType, body string) (next *url.URL, err error) {
	var sent io.Reader
	if body != "" || contentType != "" {
		sent = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, strings.ToUpper(method), to.String(), sent)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	v.status = resp.StatusCode
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		next, err := resp.Location()
		if err != nil || next.Scheme != "https" {
			return nil, fmt.Errorf("HTTP status %d without an https Location", resp.StatusCode)
		}
		return next, nil
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxMessage))
	if resp.StatusCode != http.StatusOK {
		err := fmt.Errorf("HTTP status %d", resp.StatusCode)
		if words := OwnWords(raw, v.secret); words != "" { // a part is enough for a hint
			err = fmt.Errorf("%w: %s", err, words)
		}
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	v.raw = raw
	v.page, err = html.Parse(strings.NewReader(string(raw)))
	return nil, err
}

// submit sends a form of the last page.
func (v *visitor) submit(ctx context.Context, f *form) error {
	to, err := v.at.Parse(f.action)
	if err != nil {
		return fmt.Errorf("the form's action %q: %w", f.action, err)
	}
	if to.Scheme != "https" {
		return fmt.Errorf("the form's action %q is not https", f.action)
	}
	if f.method == http.MethodPost {
		return v.open(ctx, f.method, to, "application/x-www-form-urlencoded", f.values.Encode())
	}
	if len(f.values) > 0 {
		to.RawQuery = f.values.Encode()
	}
	return v.open(ctx, http.MethodGet, to, "", "")
}

// result is wresult if a form posts it; nil if none does.
func (v *visitor) result(appru string) ([]byte, error) {
	f := signInForm(v.page)
	if f == nil || !f.values.Has("wresult") {
		return nil, nil
	}
	token := f.values.Get("wresult")
	if err := CheckResult(appru, f.action, f.method, token); err != nil {
		return nil, err
	}
	return []byte(token), nil
}

// CheckResult checks a form with wresult: it must be posted to appru (Learn,
// "Federated authentication device enrollment").
func CheckResult(appru, action, method, wresult string) error {
	if action != appru || !strings.EqualFold(method, http.MethodPost) {
		return fmt.Errorf("expected the form with wresult to POST to appru %q, saw %s to %q", appru, method, action)
	}
	if wresult == "" {
		return errors.New("wresult is empty")
	}
	return nil
}
