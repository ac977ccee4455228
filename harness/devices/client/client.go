// Package client calls the API of the devices of a lab (package harness/devices/api).
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/devices/api"
)

// Client calls the API of a lab, perhaps in another process.
type Client struct {
	URL   string // http://127.0.0.1:7081
	Token string // where the API has one
	HTTP  *http.Client
}

// Error is an error reply. Status 504 is a wait in vain: Came has what came instead.
type Error struct {
	Status int
	api.ErrorReply
}

func (e *Error) Error() string { return fmt.Sprintf("lab: %s (%d)", e.ErrorReply.Error, e.Status) }

const maxError = 1 << 20 // of an error reply, in bytes

func call[T any](ctx context.Context, c *Client, method, path string, in any) (out T, err error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return out, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+"/v1"+path, body)
	if err != nil {
		return out, fmt.Errorf("lab: %w", err)
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
		return out, fmt.Errorf("lab: %w", err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= http.StatusMultipleChoices:
		e := &Error{Status: resp.StatusCode}
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxError)).Decode(&e.ErrorReply); err != nil || e.ErrorReply.Error == "" {
			e.ErrorReply.Error = "no answer of a lab's API"
		}
		return out, e
	case resp.StatusCode == http.StatusNoContent:
		return out, nil
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("lab: %s %s: %w", method, path, err)
	}
	return out, nil
}

func of(device string) string { return "/devices/" + url.PathEscape(device) }

func revealed(reveal bool) string {
	if reveal {
		return "?reveal=true"
	}
	return ""
}

// Create creates a device, which is not enrolled yet.
func (c *Client) Create(ctx context.Context, s devices.Spec) (devices.Device, error) {
	return call[devices.Device](ctx, c, http.MethodPost, "/devices", s)
}

// Devices lists the devices that the filter selects.
func (c *Client) Devices(ctx context.Context, f devices.Filter) ([]devices.Device, error) {
	q := url.Values{}
	for name, v := range map[string]string{"namespace": f.Namespace, "state": f.State, "text": f.Text} {
		if v != "" {
			q.Set(name, v)
		}
	}
	for k, v := range f.Labels {
		q.Add("label", k+"="+v)
	}
	return call[[]devices.Device](ctx, c, http.MethodGet, "/devices?"+q.Encode(), nil)
}

// Device gives a device by its DeviceID, or by its name if only one has it; so in all
// other calls.
func (c *Client) Device(ctx context.Context, device string, reveal bool) (devices.Device, error) {
	return call[devices.Device](ctx, c, http.MethodGet, of(device)+revealed(reveal), nil)
}

// Set changes a device.
func (c *Client) Set(ctx context.Context, device string, change devices.Change) (devices.Device, error) {
	return call[devices.Device](ctx, c, http.MethodPatch, of(device), change)
}

// Delete takes a device out of the lab. Its server is not told.
func (c *Client) Delete(ctx context.Context, device string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, of(device), nil)
	return err
}

// Enroll enrolls a device, and runs its first session.
func (c *Client) Enroll(ctx context.Context, device string, e devices.Enrollment) (devices.Device, error) {
	return call[devices.Device](ctx, c, http.MethodPost, of(device)+"/enroll", e)
}

// Sync runs a session; origin is user if it is empty.
func (c *Client) Sync(ctx context.Context, device, origin string) (devices.Session, error) {
	return call[devices.Session](ctx, c, http.MethodPost, of(device)+"/sync", devices.Sync{Origin: origin})
}

// Unenroll disconnects a device as its user does.
func (c *Client) Unenroll(ctx context.Context, device string) (devices.Session, error) {
	return call[devices.Session](ctx, c, http.MethodPost, of(device)+"/unenroll", nil)
}

// Wipe resets a device as its user does.
func (c *Client) Wipe(ctx context.Context, device string) (devices.Device, error) {
	return call[devices.Device](ctx, c, http.MethodPost, of(device)+"/wipe", nil)
}

// Wait waits for something to happen to a device.
func (c *Client) Wait(ctx context.Context, device string, want devices.Condition) (devices.Waited, error) {
	return call[devices.Waited](ctx, c, http.MethodPost, of(device)+"/wait", want)
}

// Tree lists a node and all below it.
func (c *Client) Tree(ctx context.Context, device, locURI string, reveal bool) ([]devices.Node, error) {
	q := url.Values{"locURI": {locURI}}
	if reveal {
		q.Set("reveal", "true")
	}
	return call[[]devices.Node](ctx, c, http.MethodGet, of(device)+"/tree?"+q.Encode(), nil)
}

// SetNode sets a node as the device's user or hardware does.
func (c *Client) SetNode(ctx context.Context, device, locURI, data string) (devices.Node, error) {
	return call[devices.Node](ctx, c, http.MethodPut, of(device)+"/tree", api.NewNode{LocURI: locURI, Data: data})
}

// RemoveNode removes a node and all below it.
func (c *Client) RemoveNode(ctx context.Context, device, locURI string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, of(device)+"/tree?locURI="+url.QueryEscape(locURI), nil)
	return err
}

// Effects gives what servers did to a device.
func (c *Client) Effects(ctx context.Context, device string, reveal bool) (devices.Effects, error) {
	return call[devices.Effects](ctx, c, http.MethodGet, of(device)+"/effects"+revealed(reveal), nil)
}

// Enrollment gives the latest requests of a device's enrollments.
func (c *Client) Enrollment(ctx context.Context, device string, reveal bool) ([]devices.Exchange, error) {
	return call[[]devices.Exchange](ctx, c, http.MethodGet, of(device)+"/enrollment"+revealed(reveal), nil)
}

// Sessions lists the sessions that the lab remembers of a device, without messages.
func (c *Client) Sessions(ctx context.Context, device string, reveal bool) ([]devices.Session, error) {
	return call[[]devices.Session](ctx, c, http.MethodGet, of(device)+"/sessions"+revealed(reveal), nil)
}

// Session gives a session with every message; 0 is the last one.
func (c *Client) Session(ctx context.Context, device string, number int, reveal bool) (devices.Session, error) {
	which := "last"
	if number != 0 {
		which = strconv.Itoa(number)
	}
	return call[devices.Session](ctx, c, http.MethodGet, of(device)+"/sessions/"+which+revealed(reveal), nil)
}

// Namespaces lists the namespaces that have devices.
func (c *Client) Namespaces(ctx context.Context) ([]devices.Namespace, error) {
	return call[[]devices.Namespace](ctx, c, http.MethodGet, "/namespaces", nil)
}

// Reset removes everything of a namespace, or takes the whole lab back to where it
// started if it is empty.
func (c *Client) Reset(ctx context.Context, namespace string) (api.Removed, error) {
	path := "/namespaces"
	if namespace != "" {
		path += "/" + url.PathEscape(namespace)
	}
	return call[api.Removed](ctx, c, http.MethodDelete, path, nil)
}

// Events gives up to 1,000 events after a mark, oldest first. The keys of filter are
// the query parameters in openapi.yaml; nil selects all.
func (c *Client) Events(ctx context.Context, since uint64, filter url.Values) (api.Events, error) {
	q := url.Values{}
	for k, v := range filter {
		q[k] = v
	}
	q.Set("since", strconv.FormatUint(since, 10))
	return call[api.Events](ctx, c, http.MethodGet, "/events?"+q.Encode(), nil)
}
