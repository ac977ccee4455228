package control

import (
	"errors"
	"net/http"

	"github.com/dmwake/dmwake/fakewns"
)

// Push is a valid notification to send.
type Push struct {
	Device  string            `json:"device,omitempty"`  // to its newest channel
	Channel string            `json:"channel,omitempty"` // or to this one: its id
	Type    string            `json:"type,omitempty"`    // default wns/raw
	Payload string            `json:"payload,omitempty"` // default "dmwake"
	Headers map[string]string `json:"headers,omitempty"` // added to the default headers, or in their place
}

// Pushed is what the service answered.
type Pushed struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Entry   *fakewns.Entry    `json:"entry"`
}

func (a *api) push(r *http.Request) (any, error) {
	var in Push
	if err := read(r, &in); err != nil {
		return nil, err
	}
	var c fakewns.Channel
	var err error
	switch {
	case (in.Device == "") == (in.Channel == ""):
		return nil, errors.New("give either device or channel")
	case in.Channel != "":
		c, err = a.channel(in.Channel)
	default:
		for _, x := range a.wns.Channels(in.Device) {
			if c.URI == "" || x.Expires.After(c.Expires) {
				c = x
			}
		}
		if c.URI == "" {
			err = notFound("device %s has no channel", in.Device)
		}
	}
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	for k, v := range in.Headers {
		header.Set(k, v)
	}
	kind := in.Type
	if kind == "" {
		kind = "wns/raw"
	}
	payload := in.Payload
	if payload == "" {
		payload = "dmwake"
	}
	status, reply, entry, err := a.wns.Push(r.Context(), c, kind, []byte(payload), header)
	if err != nil {
		return nil, &apiError{http.StatusConflict, err.Error()}
	}
	out := Pushed{Status: status, Headers: map[string]string{}, Entry: entry}
	for k, v := range reply {
		out.Headers[k] = v[0]
	}
	return out, nil
}
