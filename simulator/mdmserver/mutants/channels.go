package mutants

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of what the server does with channel URIs.
var (
	ChnKeepFirst = &Mutant{"chn-keep-first", "keeps the first channel URI for good", func(t *tamper) {
		hook.On(t, mdmserver.ChannelTold, func(c *mdmserver.Change) {
			if c.OldURI != "" {
				c.Device.Push.URI = c.OldURI
			}
		})
	}}
	ChnKeepOnEmpty = &Mutant{"chn-keep-on-empty", "goes on with the old channel when the device has none", func(t *tamper) {
		keep := func(c *mdmserver.Change) {
			if c.Device.Push.URI == "" {
				c.Device.Push.URI = c.OldURI
			}
		}
		hook.On(t, mdmserver.ChannelTold, keep)
		hook.On(t, mdmserver.ChannelFailed, keep)
		t.Wake = append(t.Wake, anyStatus)
	}}
	ChnIgnoreStatus = &Mutant{"chn-ignore-status", "pushes whatever Push/Status says", func(t *tamper) {
		t.Wake = append(t.Wake, anyStatus)
	}}
	ChnPushAll = &Mutant{"chn-push-all", "pushes to every channel URI it ever saw", func(t *tamper) {
		const most = 16 // URIs of a device that are remembered
		all := map[*mdmserver.Device][]string{}
		hook.On(t, mdmserver.ChannelTold, func(c *mdmserver.Change) {
			if list := all[c.Device]; c.URI != "" && !slices.Contains(list, c.URI) {
				list = append(list, c.URI)
				all[c.Device] = list[max(len(list)-most, 0):]
			}
		})
		t.Wake = append(t.Wake, func(w *mdmserver.Wake) { w.URIs = slices.Clone(all[w.Device]) })
	}}
	ChnEmptySilent = &Mutant{"chn-empty-silent", "asks for nothing more once a device has no channel", func(t *tamper) {
		silentAfter(t, mdmserver.ChannelTold, func(c *mdmserver.Change) bool { return c.URI == "" })
	}}
	ChnExpiredSilent = &Mutant{"chn-expired-silent", "asks for nothing more once a channel expired", func(t *tamper) {
		silentAfter(t, mdmserver.StatusTold, expired)
	}}
	ChnExpiredNoPFN = &Mutant{"chn-expired-no-pfn", "does not set the PFN again when a channel expired", func(t *tamper) {
		hook.On(t, mdmserver.StatusTold, func(c *mdmserver.Change) {
			if expired(c) {
				c.Device.Push.Reset = false
			}
		})
	}}
	ChnCut = &Mutant{"chn-cut", "keeps 255 characters of a channel URI", func(t *tamper) {
		hook.On(t, mdmserver.ChannelTold, func(c *mdmserver.Change) { c.Device.Push.URI = c.URI[:min(len(c.URI), 255)] })
	}}
	ChnAnyURI = &Mutant{"chn-any-uri", "posts to any channel URI", func(t *tamper) {
		t.Channel = append(t.Channel, func(*mdmserver.Config, string, bool) bool { return true })
	}}
	ChnURIText = &Mutant{"chn-uri-text", "accepts any https URI that has the name of the push service in it", func(t *tamper) {
		t.Channel = append(t.Channel, func(cfg *mdmserver.Config, uri string, _ bool) bool {
			return strings.HasPrefix(uri, "https://") && (strings.Contains(uri, ".notify.windows.com") ||
				slices.ContainsFunc(cfg.ChannelHosts, func(h string) bool { return strings.Contains(uri, h) }))
		})
	}}
	ChnGlobal = &Mutant{"chn-global", "keeps one channel for all devices", func(t *tamper) {
		devices := map[string]*mdmserver.Device{}
		hook.On(t, mdmserver.Enrolled, func(c *mdmserver.Change) { devices[c.Device.ID] = c.Device })
		hook.On(t, mdmserver.ChannelTold, func(c *mdmserver.Change) {
			for _, d := range devices {
				d.Push.URI = c.URI
			}
		})
	}}

	ChnStatusFails = &Mutant{"chn-status-fails", "fails at a Push/Status above 5", func(t *tamper) {
		hook.Choke(t, syncml.Results, func(c *syncml.Command) bool {
			return len(c.Items) > 0 && strings.HasSuffix(c.Items[0].Source.LocURI, "/Push/Status") && c.Items[0].Data > "5"
		})
	}}
	ChnStatusForGood = &Mutant{"chn-status-for-good", "never pushes again to a device that once had Push/Status 2, 6 or 7", func(t *tamper) {
		given := map[*mdmserver.Device]bool{}
		hook.On(t, mdmserver.StatusTold, func(c *mdmserver.Change) {
			given[c.Device] = given[c.Device] || c.Code == 2 || c.Code == 6 || c.Code == 7
		})
		t.Wake = append(t.Wake, func(w *mdmserver.Wake) { w.Ready = w.Ready && !given[w.Device] })
	}}

	Wer404Keep  = &Mutant{"wer-404-keep", "goes on with a channel after 404", func(t *tamper) { keepAfter(t, http.StatusNotFound) }}
	Wer410Keep  = &Mutant{"wer-410-keep", "goes on with a channel after 410", func(t *tamper) { keepAfter(t, http.StatusGone) }}
	Wer410NoPFN = &Mutant{"wer-410-no-pfn", "does not set the PFN again after 410", func(t *tamper) {
		hook.On(t, mdmserver.Pushed, func(c *mdmserver.Change) {
			if c.Code == http.StatusNotFound || c.Code == http.StatusGone {
				c.Device.Push.Reset = false
			}
		})
	}}
	WerDroppedDone = &Mutant{"wer-dropped-done", "drops what was queued when WNS dropped the push", func(t *tamper) {
		forgetAfterPush(t, func(c *mdmserver.Change, forget func()) {
			if strings.HasPrefix(c.Outcome, "accepted, but") {
				forget()
			}
		})
	}}
	PshForget = &Mutant{"psh-forget", "drops what was queued if no session follows the push at once", func(t *tamper) {
		forgetAfterPush(t, func(c *mdmserver.Change, forget func()) {
			time.AfterFunc(200*time.Millisecond, func() { c.Server.Update(forget) })
		})
	}}
)

var channels = []*Mutant{
	ChnKeepFirst, ChnKeepOnEmpty, ChnIgnoreStatus, ChnPushAll, ChnEmptySilent, ChnExpiredSilent, ChnExpiredNoPFN, ChnCut, ChnAnyURI, ChnURIText,
	ChnKeepEnrollment, ChnGlobal, ChnStatusFails, ChnStatusForGood,
}

func expired(c *mdmserver.Change) bool { return c.Code == 5 }

func anyStatus(w *mdmserver.Wake) { w.Ready = w.Device.Push.URI != "" }

// silentAfter ends the push path of a device when f says so.
func silentAfter(t *tamper, m mdmserver.Moment, f func(*mdmserver.Change) bool) {
	silent := map[*mdmserver.Device]bool{}
	hook.On(t, m, func(c *mdmserver.Change) { silent[c.Device] = silent[c.Device] || f(c) })
	hook.Without(t, func(v *mdmserver.Visit, p *mdmserver.Planned) bool { return silent[v.Device] && hook.OfPush(p) })
}

// keepAfter keeps the channel that WNS answered a status for.
func keepAfter(t *tamper, status int) {
	hook.On(t, mdmserver.Pushed, func(c *mdmserver.Change) {
		if c.Code == status && c.Device.Push.URI == "" {
			c.Device.Push.URI = c.URI
		}
	})
}

// forgetAfterPush gives f a function that drops what is queued for the device,
// unless a session began since the push.
func forgetAfterPush(t *tamper, f func(c *mdmserver.Change, forget func())) {
	sessions := map[*mdmserver.Device]int{}
	t.Wake = append(t.Wake, func(w *mdmserver.Wake) { sessions[w.Device] = w.Device.Sessions })
	hook.On(t, mdmserver.Pushed, func(c *mdmserver.Change) {
		d, before := c.Device, sessions[c.Device]
		f(c, func() {
			if d.Sessions == before {
				d.Commands = nil
			}
		})
	})
}
