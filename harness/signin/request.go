package signin

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// maxReply limits what the browser gets in one reply, in bytes. Scripts of sign-in
// pages are larger than messages.
const maxReply = 16 << 20

// request does a request of the browser with the device's HTTP client.
func (v *visit) request(e *fetch.EventRequestPaused) {
	reply, err := v.fetch(v.ctx, e)
	if err != nil {
		v.refused(e, err)
		fetch.FailRequest(e.RequestID, network.ErrorReasonConnectionFailed).Do(v.execute()) //nolint:errcheck // the tab may be gone
		return
	}
	reply.Do(v.execute()) //nolint:errcheck // the tab may be gone
}

// refused remembers a failed request of a page or its scripts. Pictures and the like
// do not matter.
func (v *visit) refused(e *fetch.EventRequestPaused, err error) {
	switch e.ResourceType {
	case network.ResourceTypeDocument, network.ResourceTypeXHR, network.ResourceTypeFetch, network.ResourceTypeScript:
		v.mu.Lock()
		v.refuse = err
		v.mu.Unlock()
	}
}

func (v *visit) fetch(ctx context.Context, e *fetch.EventRequestPaused) (*fetch.FulfillRequestParams, error) {
	if !strings.HasPrefix(e.Request.URL, "https://") {
		return nil, fmt.Errorf("the page asks for %s, which is not https", short(e.Request.URL))
	}
	body, err := sent(e.Request)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, e.Request.Method, e.Request.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range e.Request.Headers {
		if text, ok := value.(string); ok && !slices.Contains([]string{"accept-encoding", "host", "content-length"}, strings.ToLower(name)) {
			req.Header.Set(name, text)
		}
	}
	resp, err := v.page.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		v.refused(e, fmt.Errorf("HTTP status %d of %s: %s", resp.StatusCode, req.URL.Path, enroll.OwnWords(raw, v.page.Password)))
	}
	out := fetch.FulfillRequest(e.RequestID, int64(resp.StatusCode)).WithBody(base64.StdEncoding.EncodeToString(raw))
	for name, values := range resp.Header {
		for _, value := range values {
			out.ResponseHeaders = append(out.ResponseHeaders, &fetch.HeaderEntry{Name: name, Value: value})
		}
	}
	return out, nil
}

// sent is the body of a request.
func sent(r *network.Request) ([]byte, error) {
	var body []byte
	for _, part := range r.PostDataEntries {
		raw, err := base64.StdEncoding.DecodeString(part.Bytes)
		if err != nil {
			return nil, fmt.Errorf("the body of a request: %w", err)
		}
		body = append(body, raw...)
	}
	return body, nil
}

func short(s string) string { return s[:min(len(s), 100)] }
