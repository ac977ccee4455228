package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
)

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

// count is one figure of the overview, and the list behind it.
type count struct {
	Label, To string
	N         uint64
	Tone      string
}

// overview is where a newcomer begins.
func (c *console) overview(*http.Request) (*view, error) {
	list := c.WNS.Journal().Since(0, nil)
	var last []*fakewns.Entry
	for i := len(list) - 1; i >= 0 && len(last) < 10; i-- {
		last = append(last, list[i])
	}
	notices := c.notices()
	data := struct {
		Environment string
		Begin       bool // nothing has come yet
	}{Begin: len(list) == 0}
	if c.Environment != nil {
		data.Environment = strings.TrimSpace(c.Environment())
	}
	return &view{Title: "Overview", Nav: "overview", body: "overview", Data: data, parts: []part{
		block("banner", "banner", notices), block("counts", "overview-counts", c.counts()), table("rows", "entry", c.entryRows(last)), block("none", "overview-none", len(last)),
	}}, nil
}

func (c *console) counts() []count {
	s := c.WNS.Stats()
	sum, refused := uint64(0), uint64(0)
	for status, n := range s.Notifications {
		if sum += n; status >= http.StatusBadRequest {
			refused += n
		}
	}
	to := func(query string) string { return Prefix + "notifications?" + query }
	toned := func(n uint64, tone string) string {
		if n == 0 {
			return ""
		}
		return tone
	}
	all := c.everyDevice()
	out := []count{
		{"Devices", Prefix + "devices", uint64(len(all)), ""},
		{"Open channels", Prefix + "channels", uint64(s.Channels), ""}, //nolint:gosec // not negative
		{"Notifications", to("kind=notification"), sum, ""},
		{"Delivered", to("became=delivered"), s.Deliveries[fakewns.Woken], toned(s.Deliveries[fakewns.Woken], "good")},
		{"Waiting", to("became=cached"), uint64(s.Waiting), toned(uint64(s.Waiting), "warn")}, //nolint:gosec // not negative
		{"Refused", to("kind=notification&became=refused"), refused, toned(refused, "bad")},
		{"Broke a rule", to("kind=notification&verdict=rules+broken"), s.Broken, toned(s.Broken, "bad")},
		{"Active faults", Prefix + "faults", uint64(s.Faults), toned(uint64(s.Faults), "warn")}, //nolint:gosec // not negative
	}
	return out
}
