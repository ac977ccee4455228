package mdmserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// configurationProfile is what a revision of the server's profile has a device do.
func configurationProfile(revision int) []Command {
	at := strconv.Itoa(revision)
	const policies = "./Device/Vendor/MSFT/Policy/Config/"
	return []Command{
		{Verb: syncml.Replace, LocURI: policies + "DeviceLock/MaxInactivityTimeDeviceLock", Format: "int", Data: strconv.Itoa(revision % 1000)}, // 0 to 999
		{Verb: syncml.Replace, LocURI: policies + "Browser/HomePages", Format: "chr", Data: "<https://intranet.example/" + at + ">"},
		{Verb: syncml.Add, LocURI: "./Vendor/MSFT/VPNv2/office-" + at + "/ProfileXML", Format: "chr",
			Data: "<VPNProfile><NativeProfile><Servers>vpn" + at + ".example</Servers></NativeProfile></VPNProfile>"},
	}
}

// applyProfile queues what a device lacks of a revision of the profile. Most servers
// take work in this form: a state, not commands.
func (s *Server) applyProfile(w http.ResponseWriter, r *http.Request) {
	d := s.find(w, r)
	if d == nil {
		return
	}
	var body struct {
		Revision int `json:"revision"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("cannot read the revision: %w", err))
		return
	}
	profile := configurationProfile
	if s.cfg.Profile != nil {
		profile = s.cfg.Profile
	}
	s.mu.Lock()
	d.forgetDone(len(s.devices))
	queued := 0
	for _, c := range profile(body.Revision) {
		had := slices.ContainsFunc(d.Commands, func(k *Command) bool { return k.Verb == c.Verb && k.LocURI == c.LocURI && k.Data == c.Data })
		if had || len(d.Commands) >= maxQueued {
			continue
		}
		c.ID, c.State = uuid.NewString(), StateQueued
		d.Commands = append(d.Commands, &c)
		s.changed(Change{Moment: Queued, Device: d, Command: &c})
		queued++
	}
	s.mu.Unlock()
	if s.cfg.AutoPush && queued > 0 {
		s.sender.push(d) //nolint:errcheck // without a channel it comes by polling
	}
	answer(w, http.StatusAccepted, map[string]int{"queued": queued})
}
