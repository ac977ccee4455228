package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/faults"
)

// Client calls the API of a push service in another process.
type Client struct {
	URL   string // http://127.0.0.1:7081
	Token string // where the API has one
	HTTP  *http.Client
}

// Error is an error reply of the API.
type Error struct {
	Status int
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("control API: %s (%d)", e.Text, e.Status) }

func (c *Client) request(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, body)
	if err != nil {
		return nil, fmt.Errorf("control API: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("control API: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		defer resp.Body.Close()
		var e ErrorReply
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(&e); err != nil || e.Error == "" {
			e.Error = "no answer of dmwake's control API"
		}
		return nil, &Error{resp.StatusCode, e.Error}
	}
	return resp, nil
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.request(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("control API: %s %s: %w", method, path, err)
	}
	return nil
}

// Apps gives the apps; their secrets are redacted.
func (c *Client) Apps(ctx context.Context) (out []fakewns.App, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/apps", nil, &out)
}

// SetApps replaces all apps.
func (c *Client) SetApps(ctx context.Context, apps []fakewns.App) error {
	return c.call(ctx, http.MethodPut, "/v1/apps", apps, nil)
}

// PutApp adds an app, or replaces the app with the same PFN.
func (c *Client) PutApp(ctx context.Context, app fakewns.App) error {
	return c.call(ctx, http.MethodPut, "/v1/apps/"+url.PathEscape(app.PFN), app, nil)
}

// DeleteApp removes an app.
func (c *Client) DeleteApp(ctx context.Context, pfn string) error {
	return c.call(ctx, http.MethodDelete, "/v1/apps/"+url.PathEscape(pfn), nil, nil)
}

// Channels returns the channels of a device, or all if it is empty, with their
// full URIs.
func (c *Client) Channels(ctx context.Context, device string) (out []Channel, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/channels?reveal=true&device="+url.QueryEscape(device), nil, &out)
}

// OpenChannel opens a channel without a device.
func (c *Client) OpenChannel(ctx context.Context, device, pfn string) (out Channel, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/channels", NewChannel{device, pfn}, &out)
}

// RevokeChannel closes a channel: notifications to it get 410, as after
// ExpireChannel. After ForgetChannel they get 404.
func (c *Client) RevokeChannel(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/v1/channels/"+url.PathEscape(id)+"/revoke", nil, nil)
}

// ExpireChannel ends a channel's thirty days.
func (c *Client) ExpireChannel(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/v1/channels/"+url.PathEscape(id)+"/expire", nil, nil)
}

// ForgetChannel deletes a channel.
func (c *Client) ForgetChannel(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/channels/"+url.PathEscape(id), nil, nil)
}

// SetConnection sets the state of a device's connection.
func (c *Client) SetConnection(ctx context.Context, device string, state fakewns.Connection) error {
	return c.call(ctx, http.MethodPut, "/v1/devices/"+url.PathEscape(device)+"/connection", ConnectionState{state}, nil)
}

// RevokeTokens invalidates all tokens.
func (c *Client) RevokeTokens(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/tokens/revoke", nil, nil)
}

// Push sends a valid notification.
func (c *Client) Push(ctx context.Context, p Push) (out Pushed, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/push", p, &out)
}

// Faults returns the active faults.
func (c *Client) Faults(ctx context.Context) (out []ActiveFault, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/faults", nil, &out)
}

// FaultKinds returns all kinds of faults.
func (c *Client) FaultKinds(ctx context.Context) (out []FaultKind, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/faults/kinds", nil, &out)
}

// AddFault sets a fault.
func (c *Client) AddFault(ctx context.Context, r faults.Rule) (out ActiveFault, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/faults", r, &out)
}

// RemoveFault removes a fault; id 0 removes all.
func (c *Client) RemoveFault(ctx context.Context, id uint64) error {
	path := "/v1/faults"
	if id > 0 {
		path += "/" + strconv.FormatUint(id, 10)
	}
	return c.call(ctx, http.MethodDelete, path, nil, nil)
}

// Journal returns entries, oldest first, of all pages. The keys of filter are the
// query parameters in openapi.yaml; nil returns all.
func (c *Client) Journal(ctx context.Context, filter url.Values) (out []*fakewns.Entry, err error) {
	for query := "?" + filter.Encode(); query != ""; {
		resp, err := c.request(ctx, http.MethodGet, "/v1/journal"+query, nil)
		if err != nil {
			return nil, err
		}
		var page []*fakewns.Entry
		err = json.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("control API: GET /v1/journal: %w", err)
		}
		out = append(out, page...)
		query = next(resp.Header)
	}
	return out, nil
}

// next is the query of the next page that a Link header names (RFC 8288); empty if this
// is the last.
func next(h http.Header) string {
	target, _, ok := strings.Cut(strings.TrimPrefix(h.Get("Link"), "<"), `>; rel="next"`)
	if !ok || !strings.HasPrefix(target, "?") {
		return ""
	}
	return target
}

// ClearJournal drops all entries.
func (c *Client) ClearJournal(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/v1/journal", nil, nil)
}

// Stream calls f for every new or changed entry, until ctx ends or f fails.
// ready, if not nil, is called once the stream is open.
func (c *Client) Stream(ctx context.Context, filter url.Values, ready func(), f func(*fakewns.Entry) error) error {
	resp, err := c.request(ctx, http.MethodGet, "/v1/journal/stream?"+filter.Encode(), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxBody)
	event := ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "":
			if ready != nil { // the comment that opens the stream
				ready()
				ready = nil
			}
		case "event":
			event = value
		case "data":
			if event != "entry" {
				continue
			}
			e := &fakewns.Entry{}
			if err := json.Unmarshal([]byte(value), e); err != nil {
				return fmt.Errorf("control API: stream: %w", err)
			}
			if err := f(e); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("control API: stream: %w", err)
	}
	return fmt.Errorf("control API: stream: %w", io.ErrUnexpectedEOF)
}

// Now is the service's time.
func (c *Client) Now(ctx context.Context) (time.Time, error) {
	var out Clock
	err := c.call(ctx, http.MethodGet, "/v1/clock", nil, &out)
	return out.Now, err
}

// Advance moves the service's clock forward.
func (c *Client) Advance(ctx context.Context, by time.Duration) (time.Time, error) {
	var out Clock
	err := c.call(ctx, http.MethodPost, "/v1/clock", Advance{by.String()}, &out)
	return out.Now, err
}

// Stats reads the service's counters.
func (c *Client) Stats(ctx context.Context) (out fakewns.Stats, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/stats", nil, &out)
}
