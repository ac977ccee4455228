package variants

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of the push path.
var (
	GetFirst = &Variant{Name: "get-first", Does: "asks for the channel before it sets the PFN, too", Seen: "seen", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			var ask []mdmserver.Planned
			sets := false
			for _, p := range r.Plan {
				switch p.Sent.Purpose {
				case mdmserver.ForChannel, mdmserver.ForStatus:
					ask = append(ask, mdmserver.Planned{Command: p.Command, Sent: &mdmserver.Sent{Purpose: p.Sent.Purpose}})
				case mdmserver.ForAddPFN, mdmserver.ForReplacePFN:
					sets = true
				}
			}
			if sets {
				r.Plan = slices.Concat(ask, r.Plan)
			}
		})
	}}
	PushLate = &Variant{Name: "push-late", Does: "pushes a moment after it was asked to", Seen: "seen", Vary: func(c *mdmserver.Config) {
		c.Tamper.Wake = append(c.Tamper.Wake, func(w *mdmserver.Wake) { w.Delay = 200 * time.Millisecond })
	}}
	PushTwice = &Variant{Name: "push-twice", Does: "sends two notifications where it is asked to push", Seen: "seen", Vary: func(c *mdmserver.Config) {
		c.Tamper.Wake = append(c.Tamper.Wake, func(w *mdmserver.Wake) { w.URIs = slices.Concat(w.URIs, w.URIs) })
	}}
	PushItself = &Variant{Name: "push-itself", Does: "pushes by itself when something is queued, and has no hook for it", Seen: "seen", Vary: func(c *mdmserver.Config) {
		c.AutoPush = true
	}}
	Redirects = &Variant{Name: "redirects", Does: "follows redirects, and leaves its token behind where the host is another", Seen: "Go's net/http", Vary: func(c *mdmserver.Config) {
		client := *cmp.Or(c.HTTP, http.DefaultClient)
		client.CheckRedirect = nil
		c.HTTP = &client
	}}
)

var pushes = []*Variant{GetFirst, PushLate, PushTwice, PushItself, Redirects}
