package control

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/redact"
)

func variable(r *http.Request, name string) string {
	v, err := url.PathUnescape(mux.Vars(r)[name])
	if err != nil {
		return mux.Vars(r)[name]
	}
	return v
}

func reveals(r *http.Request) bool { return r.URL.Query().Get("reveal") == "true" }

func (a *api) apps(r *http.Request) (any, error) {
	if err := parameters(r, "reveal"); err != nil {
		return nil, err
	}
	list := a.wns.Apps()
	if !reveals(r) {
		for i := range list {
			list[i].Secret = redact.Hidden
		}
	}
	return list, nil
}

func (a *api) setApps(r *http.Request) (any, error) {
	var list []fakewns.App
	if err := read(r, &list); err != nil {
		return nil, err
	}
	return nil, a.write(list)
}

// write replaces the apps. An app with a redacted secret keeps its secret.
func (a *api) write(list []fakewns.App) error {
	if len(list) == 0 {
		return errors.New("at least one app is required")
	}
	before := a.wns.Apps()
	for i := range list {
		if list[i].Secret != redact.Hidden {
			continue
		}
		at := slices.IndexFunc(before, func(b fakewns.App) bool { return strings.EqualFold(b.PFN, list[i].PFN) })
		if at < 0 {
			return fmt.Errorf("app %s is new and needs a secret", list[i].PFN)
		}
		list[i].Secret = before[at].Secret
	}
	return a.wns.SetApps(list)
}

func (a *api) putApp(r *http.Request) (any, error) {
	var app fakewns.App
	if err := read(r, &app); err != nil {
		return nil, err
	}
	pfn := variable(r, "pfn")
	if app.PFN == "" {
		app.PFN = pfn
	}
	if !strings.EqualFold(app.PFN, pfn) {
		return nil, fmt.Errorf("the path names app %s, the body %s", pfn, app.PFN)
	}
	list := a.wns.Apps()
	if i := slices.IndexFunc(list, func(b fakewns.App) bool { return strings.EqualFold(b.PFN, pfn) }); i >= 0 {
		if app.Secret == redact.Hidden || app.Secret == "" {
			app.Secret = list[i].Secret
		}
		list[i] = app
		return nil, a.write(list)
	}
	if app.Secret == "" {
		app.Secret = redact.Hidden // refused as new
	}
	return nil, a.write(append(list, app))
}

func (a *api) deleteApp(r *http.Request) (any, error) {
	pfn, list := variable(r, "pfn"), a.wns.Apps()
	left := slices.DeleteFunc(slices.Clone(list), func(b fakewns.App) bool { return strings.EqualFold(b.PFN, pfn) })
	if len(left) == len(list) {
		return nil, notFound("unknown app %s", pfn)
	}
	return nil, a.write(left)
}

// Channel is a channel as the API shows it: the fields of fakewns.Channel.
type Channel struct {
	ID         string             `json:"id"`
	URI        string             `json:"uri"` // its token is redacted unless revealed
	PFN        string             `json:"pfn"`
	Device     string             `json:"device"`
	Expires    time.Time          `json:"expires"`
	Revoked    bool               `json:"revoked"`
	Connection fakewns.Connection `json:"connection"`
	Cached     bool               `json:"cached"`
}

func view(c fakewns.Channel, reveal bool) Channel {
	if !reveal {
		c = c.Redacted()
	}
	return Channel(c)
}

func (a *api) channels(r *http.Request) (any, error) {
	if err := parameters(r, "device", "namespace", "reveal"); err != nil {
		return nil, err
	}
	device, space := r.URL.Query().Get("device"), r.URL.Query().Get("namespace")
	list := a.wns.ChannelsOf(func(c fakewns.Channel) bool {
		return (device == "" || c.Device == device) && (space == "" || space == a.wns.Namespace(c.Device))
	})
	slices.SortFunc(list, func(x, y fakewns.Channel) int { return strings.Compare(x.Device+x.ID, y.Device+y.ID) })
	out := make([]Channel, len(list))
	for i, c := range list {
		out[i] = view(c, reveals(r))
	}
	return out, nil
}

// NewChannel asks for a channel without a device: notifications to it are only
// journaled.
type NewChannel struct {
	Device string `json:"device"`
	PFN    string `json:"pfn"`
}

func (a *api) openChannel(r *http.Request) (any, error) {
	var in NewChannel
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if in.Device == "" {
		return nil, errors.New("device is missing: any name will do")
	}
	uri, _, err := a.wns.OpenChannel(r.Context(), in.Device, in.PFN, nil)
	if err != nil {
		return nil, &apiError{http.StatusConflict, err.Error()}
	}
	for _, c := range a.wns.Channels(in.Device) {
		if c.URI == uri {
			return created{view(c, true)}, nil
		}
	}
	return nil, notFound("the channel is gone already")
}

func (a *api) channel(id string) (fakewns.Channel, error) {
	list := a.wns.ChannelsOf(func(c fakewns.Channel) bool { return c.ID == id })
	if len(list) == 0 {
		return fakewns.Channel{}, notFound("unknown channel %s", id)
	}
	return list[0], nil
}

func (a *api) endChannel(r *http.Request) (any, error) {
	c, err := a.channel(variable(r, "id"))
	switch {
	case err != nil:
		return nil, err
	case r.Method == http.MethodDelete:
		a.wns.ForgetChannel(c.URI)
	case strings.HasSuffix(r.URL.Path, "/revoke"):
		a.wns.CloseChannel(c.URI)
	default:
		a.wns.ExpireChannel(c.URI)
	}
	return nil, nil
}

// ConnectionState is the state of a device's connection.
type ConnectionState struct {
	State fakewns.Connection `json:"state"`
}

func (a *api) setConnection(r *http.Request) (any, error) {
	var in ConnectionState
	if err := read(r, &in); err != nil {
		return nil, err
	}
	switch in.State {
	case fakewns.Connected, fakewns.Disconnected, fakewns.TempDisconnected:
		a.wns.SetConnection(variable(r, "device"), in.State)
		return nil, nil
	}
	return nil, fmt.Errorf("unknown state %q; known states: connected, disconnected, tempdisconnected", in.State)
}

func (a *api) revokeTokens(*http.Request) (any, error) {
	a.wns.RevokeTokens()
	return nil, nil
}

// Clock is the service's time.
type Clock struct {
	Now time.Time `json:"now"`
}

func (a *api) clock(*http.Request) (any, error) { return Clock{a.wns.Now()}, nil }

// Advance moves the clock forward.
type Advance struct {
	By string `json:"advance"` // a duration, such as 25h
}

func (a *api) advance(r *http.Request) (any, error) {
	var in Advance
	if err := read(r, &in); err != nil {
		return nil, err
	}
	by, err := time.ParseDuration(in.By)
	if err != nil || by <= 0 || by > 10*365*24*time.Hour {
		return nil, fmt.Errorf("advance: %q is not a positive duration such as 25h", in.By)
	}
	if err := a.wns.Advance(by); err != nil {
		return nil, fmt.Errorf("advance: %w", err)
	}
	return a.clock(r)
}

func (a *api) stats(*http.Request) (any, error) { return a.wns.Stats(), nil }
