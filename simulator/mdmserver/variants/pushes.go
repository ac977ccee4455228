package variants

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
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
	DeviceScope = &Variant{Name: "device-scope", Does: "names the nodes of the push path ./Device/Vendor", Seen: "Learn, \"DMClient CSP\"", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range r.Plan {
				if !hook.OfPush(&r.Plan[i]) {
					continue
				}
				for k := range r.Plan[i].Command.Items {
					to := &r.Plan[i].Command.Items[k].Target
					if rest, ok := strings.CutPrefix(to.LocURI, "./Vendor/"); ok {
						to.LocURI = "./Device/Vendor/" + rest
					}
				}
			}
		})
	}}
	PushLate = &Variant{Name: "push-late", Does: "pushes a moment after it was asked to", Seen: "seen", Vary: func(c *mdmserver.Config) {
		c.Tamper.Wake = append(c.Tamper.Wake, func(w *mdmserver.Wake) { w.Delay = 200 * time.Millisecond })
	}}
	PushTwice = &Variant{Name: "push-twice", Does: "sends two notifications where it is asked to push", Seen: "seen", Vary: func(c *mdmserver.Config) {
		c.Tamper.Wake = append(c.Tamper.Wake, func(w *mdmserver.Wake) { w.URIs = slices.Concat(w.URIs, w.URIs) })
	}}
	PushDebounced = &Variant{Name: "push-debounced", Does: "sends one notification for all that is asked within half a second, at its end", Seen: "seen", Vary: func(c *mdmserver.Config) {
		const pause = 500 * time.Millisecond
		due := map[*mdmserver.Device]time.Time{}
		c.Tamper.Wake = append(c.Tamper.Wake, func(w *mdmserver.Wake) {
			now := time.Now()
			switch {
			case !w.Ready:
			case now.Before(due[w.Device]):
				w.URIs = nil // the one that waits wakes the device
			default:
				due[w.Device], w.Delay = now.Add(pause), pause
			}
		})
	}}
	PushHeaders = &Variant{Name: "push-headers", Does: "sends notifications with a TTL and a vector of its own, and asks for no status", Seen: "Learn, \"Push notification service request and response headers\"", Vary: func(c *mdmserver.Config) {
		hook.Notifications(&c.Tamper, func(req *http.Request) {
			req.Header.Set("X-WNS-TTL", "3600")
			req.Header.Set("X-WNS-RequestForStatus", "false")
			req.Header.Set("MS-CV", rand.Text()[:16]+".0")
			req.Header.Set("User-Agent", "dmwake")
		})
	}}
	PushItself = &Variant{Name: "push-itself", Does: "pushes by itself when something is queued, and has no hook for it", Seen: "seen", Vary: func(c *mdmserver.Config) {
		c.AutoPush = true
	}}
	StatusResets = &Variant{Name: "status-resets", Does: "sets the PFN again after every Push/Status but 0", Seen: "Learn, \"DMClient CSP\"", Vary: func(c *mdmserver.Config) {
		hook.On(&c.Tamper, mdmserver.StatusTold, func(ch *mdmserver.Change) {
			if ch.Code > 0 && ch.Code != 4 {
				ch.Device.Push.Reset = true
			}
		})
	}}
	PollInSession = &Variant{Name: "poll-in-session", Does: "sets the poll schedule in a session, not in the document", Seen: "Learn, \"DMClient CSP\"", Vary: func(c *mdmserver.Config) {
		c.Tamper.Document = append(c.Tamper.Document, func(p *mdmserver.Provisioning) {
			for _, e := range p.Doc.FindElements("//characteristic[@type='Poll']") {
				e.Parent().RemoveChild(e)
			}
		})
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if !v.Opens || v.Device.Sessions != 1 || !hook.Planning(v) {
				return
			}
			poll := hook.Account(v.Config) + "/Poll"
			add := func(to, format, data string) {
				r.Plan = append(r.Plan, mdmserver.Planned{Command: hook.Command(syncml.Add, to, format, data), Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}})
			}
			add(poll, "node", "")
			for _, n := range [][2]string{{"NumberOfFirstRetries", "8"}, {"IntervalForFirstSetOfRetries", "15"}, {"NumberOfSecondRetries", "5"},
				{"IntervalForSecondSetOfRetries", "60"}, {"NumberOfRemainingScheduledRetries", "0"}, {"IntervalForRemainingScheduledRetries", "1440"}} {
				add(poll+"/"+n[0], "int", n[1])
			}
		})
	}}
	Redirects = &Variant{Name: "redirects", Does: "follows redirects, and leaves its token behind where the host is another", Seen: "Go's net/http", Vary: func(c *mdmserver.Config) {
		client := *cmp.Or(c.HTTP, http.DefaultClient)
		client.CheckRedirect = nil
		c.HTTP = &client
	}}
)

var pushes = []*Variant{GetFirst, DeviceScope, PushLate, PushTwice, PushDebounced, PushHeaders, PushItself, StatusResets, PollInSession, Redirects}
