package dmclient

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
)

// phase is a phase of the Enrollment Status Page.
type phase int

// The phases, in order (Learn, "Windows Autopilot Enrollment Status Page"). On the way
// from device setup to account setup the page waits for the user to sign in.
const (
	pageUndecided phase = iota // until the end of the first session
	pagePreparation
	pageDevice
	pageSignIn
	pageAccount
	pageOver
)

func (p phase) String() string {
	return [...]string{"", "device preparation", "device setup", "", "account setup", ""}[p]
}

// page is the state of the Enrollment Status Page. Which devices show it, and when, is a
// model of what Learn and reports from builds 22621 and 26200 say: if a server sets
// SkipDeviceStatusPage to false in the first session, the page is shown from the
// enrollment on; later it is too late. With SkipUserStatusPage false each user sees
// account setup at the first sign-in.
type page struct {
	Phase  phase     `json:"n,omitempty"`
	Since  time.Time `json:"t,omitzero"`
	Who    Login     `json:"w,omitempty"` // whose account setup
	Failed string    `json:"f,omitempty"`
}

// shown reports whether the user sees the page.
func (p page) shown() bool {
	return p.Phase == pagePreparation || p.Phase == pageDevice || p.Phase == pageAccount
}

// StatusPage is the Enrollment Status Page as its user sees it.
type StatusPage struct {
	Phase   string // "device preparation", "device setup" or "account setup"; empty: not shown
	Since   time.Time
	TimeOut time.Time // when it fails
	// Waits is what it waits for, Progress what it counts, Failed why it failed.
	Waits, Progress []string
	Failed          string
	// ErrorText is what the server lets it say on failure.
	ErrorText string
	// Blocks says that the user cannot leave the page; Buttons are what a failed page
	// offers.
	Blocks  bool
	Buttons []string
}

// StatusPage returns what the user sees now; its Phase is empty if no page is shown.
func (d *Device) StatusPage() StatusPage {
	d.turnPage()
	d.mu.Lock()
	p := d.setup.Page
	d.mu.Unlock()
	if !p.shown() {
		return StatusPage{}
	}
	s := StatusPage{Phase: p.Phase.String(), Since: p.Since, TimeOut: p.Since.Add(d.pageTime()), Failed: p.Failed}
	flags, _ := strconv.Atoi(d.account(firstSync + "BlockInStatusPage"))
	s.Blocks = flags != 0
	if p.Failed == "" {
		s.Waits, s.Progress = d.pageWaits(p)
		return s
	}
	s.ErrorText = d.account(firstSync + "CustomErrorText")
	for i, b := range []string{"Reset PC", "Try again", "Continue anyway"} {
		if flags&(1<<i) != 0 {
			s.Buttons = append(s.Buttons, b)
		}
	}
	return s
}

const (
	firstSync = "FirstSyncStatus/"
	tracking  = "/Vendor/MSFT/EnrollmentStatusTracking/"
)

// pageTime is how long the page waits before it fails.
func (d *Device) pageTime() time.Duration {
	return duration(d.account(firstSync+"TimeOutUntilSyncFailure"), time.Minute, time.Hour)
}

// pageScope is the part of the tree that the page reads.
func (p page) scope() string {
	if p.Phase == pageAccount {
		return "./User"
	}
	return "./Device"
}

// pageNode is a node of the page's FirstSyncStatus.
func (d *Device) pageNode(p page, node string) string {
	return p.scope() + strings.TrimPrefix(ProviderURI(d.Provider()), ".") + "/" + firstSync + node
}

func (d *Device) pageTruth(p page, node string) bool {
	v, _ := d.tree.Look(d.pageNode(p, node))
	return csp.Truth(v)
}

// endOfSession lets the page come up after the first session, and gives a user who
// has signed in a part of the tree.
func (d *Device) endOfSession() {
	device, user := d.account(firstSync+"SkipDeviceStatusPage"), d.account(firstSync+"SkipUserStatusPage")
	d.mu.Lock()
	if d.login == LoginUser {
		d.setup.NoContext = false
	}
	p := &d.setup.Page
	if p.Phase == pageUndecided {
		p.Phase, p.Since = pageSignIn, time.Time{}
		if device != "" && !csp.Truth(device) {
			p.Phase, p.Since = pagePreparation, d.schedule.enrolled
		}
	}
	if p.Phase == pageSignIn && user == "" {
		p.Phase = pageOver // Windows before 1803
	}
	d.mu.Unlock()
	d.turnPage()
}

// signIn shows account setup to a user who signs in for the first time.
func (d *Device) signIn(l Login) {
	if d.State() != Enrolled {
		return
	}
	d.turnPage()
	d.mu.Lock()
	p := d.setup.Page
	open := p.Phase == pageSignIn || p.Phase == pageOver && l == LoginOthers || p.Who == LoginOthers && d.setup.NoContext
	d.mu.Unlock()
	if open {
		d.accountSetup(l)
	}
}

func (d *Device) accountSetup(l Login) {
	skip := d.account(firstSync + "SkipUserStatusPage")
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setup.Page = page{Phase: pageOver}
	if skip != "" && !csp.Truth(skip) {
		d.setup.Page = page{Phase: pageAccount, Since: now, Who: l}
	}
}

// turnPage moves the page on as far as the tree and the clock allow.
func (d *Device) turnPage() {
	for {
		d.mu.Lock()
		p, login, enrolled := d.setup.Page, d.login, d.state == Enrolled
		d.mu.Unlock()
		if !enrolled || p.Failed != "" {
			return
		}
		switch p.Phase {
		case pageSignIn:
			if login != LoginUser {
				return
			}
			d.accountSetup(login)
			continue
		case pagePreparation, pageDevice, pageAccount:
		default:
			return
		}
		next, over := d.pageEnds(p)
		if !over {
			return
		}
		d.mu.Lock()
		d.setup.Page = next
		d.mu.Unlock()
	}
}

// pageEnds reports whether the page's phase is over, and what comes next.
func (d *Device) pageEnds(p page) (next page, over bool) {
	if failed := d.pageFails(p); failed != "" {
		d.pageResult(p, "0")
		p.Failed = failed
		return p, true
	}
	overridden := d.overridden(p)
	if waits, _ := d.pageWaits(p); len(waits) > 0 && !overridden {
		return p, false
	}
	switch p.Phase {
	case pagePreparation:
		p.Phase = pageDevice
	case pageDevice:
		d.pageResult(p, "1")
		p = page{Phase: pageSignIn}
	default:
		d.pageResult(p, "1")
		p = page{Phase: pageOver}
	}
	return p, true
}

// pageResult is what the client writes at the end (DDF of DMClient).
func (d *Device) pageResult(p page, outcome string) {
	if p.Who == LoginOthers {
		return // the device has no part of the tree for them
	}
	if v, _ := d.tree.Look(d.pageNode(p, "WasDeviceSuccessfullyProvisioned")); v == "2" {
		d.tree.Provision(d.pageNode(p, "WasDeviceSuccessfullyProvisioned"), outcome)
	}
	if outcome == "1" {
		d.tree.Provision(d.pageNode(p, "IsSyncDone"), "true")
	}
}

// build25H2 answers 200 to a server that forces a failure, and shows the page until it
// times out [seen: fleet issue 51816].
const build25H2 = 26200

// overridden reports that the server set IsSyncDone, which ends the page whatever it
// waits for (DDF of DMClient).
func (d *Device) overridden(p page) bool {
	if p.Who == LoginOthers || !d.pageTruth(p, "IsSyncDone") {
		return false
	}
	v, _ := d.tree.Look(d.pageNode(p, "WasDeviceSuccessfullyProvisioned"))
	return v != "0"
}

// pageFails returns why the page fails; empty if it does not.
func (d *Device) pageFails(p page) string {
	now := d.now()
	if limit := d.pageTime(); !now.Before(p.Since.Add(limit)) {
		return fmt.Sprintf("not finished within %d minutes (TimeOutUntilSyncFailure)", int(limit.Minutes()))
	}
	if v, _ := d.tree.Look(d.pageNode(p, "WasDeviceSuccessfullyProvisioned")); v == "0" && d.pageTruth(p, "IsSyncDone") && d.cfg.Profile.Build < build25H2 {
		return "the server set WasDeviceSuccessfullyProvisioned to 0"
	}
	if p.Phase == pagePreparation {
		at := p.scope() + tracking + "DevicePreparation/PolicyProviders"
		for _, name := range d.tree.Children(at) {
			node := func(n string) string { v, _ := d.tree.Look(at + "/" + escape(name) + "/" + n); return v }
			switch state := node("InstallationState"); {
			case state == "4":
				return fmt.Sprintf("policy provider %s: InstallationState 4, error %s", name, node("LastError"))
			case state == "1" && !now.Before(p.Since.Add(duration(node("Timeout"), time.Minute, 15*time.Minute))):
				return fmt.Sprintf("policy provider %s: not installed within %s minutes (Timeout)", name, node("Timeout"))
			}
		}
		return ""
	}
	failed := ""
	d.trackedApps(p, func(app, state string) {
		if state == "4" {
			failed = "app " + app + ": InstallationState 4"
		}
	})
	return failed
}

// trackedApps calls f for each app that EnrollmentStatusTracking tracks.
func (d *Device) trackedApps(p page, f func(app, state string)) {
	at := p.scope() + tracking + "Setup/Apps/Tracking"
	for _, provider := range d.tree.Children(at) {
		for _, app := range d.tree.Children(at + "/" + escape(provider)) {
			state, _ := d.tree.Look(at + "/" + escape(provider) + "/" + escape(app) + "/InstallationState")
			f(provider+"/"+app, state)
		}
	}
}

// pageWaits returns what the page's phase waits for, and what it counts.
func (d *Device) pageWaits(p page) (waits, progress []string) {
	wait := func(format string, args ...any) { waits = append(waits, fmt.Sprintf(format, args...)) }
	if p.Phase == pagePreparation {
		at := p.scope() + tracking + "DevicePreparation/PolicyProviders"
		for _, name := range d.tree.Children(at) {
			if v, _ := d.tree.Look(at + "/" + escape(name) + "/InstallationState"); v == "1" {
				wait("policy provider %s: InstallationState 1, not 2 or 3", name)
			}
		}
		return waits, nil
	}
	if p.Who == LoginOthers {
		wait("this user is not the enrolled one, so no server can finish the page (SkipUserStatusPage is false)")
		return waits, nil
	}
	if !d.pageTruth(p, "ServerHasFinishedProvisioning") {
		wait("%s: not true", d.pageNode(p, "ServerHasFinishedProvisioning"))
	}
	for _, list := range csp.ExpectedLists {
		there, all := 0, 0
		v, _ := d.tree.Look(d.pageNode(p, list))
		for _, item := range strings.Split(v, "\uf000") {
			if item = strings.TrimSpace(item); item == "" {
				continue
			}
			all++
			switch {
			case d.arrived(item):
				there++
			case list == "ExpectedPolicies" && d.cfg.Profile.Build >= build25H2:
				// The list does not change the page there [seen: fleet issue 43776].
			default:
				wait("%s: %s", list, item)
			}
		}
		if all > 0 {
			progress = append(progress, fmt.Sprintf("%s: %d of %d", list, there, all))
		}
	}
	at := p.scope() + tracking + "Setup/Apps/PolicyProviders"
	for _, name := range d.tree.Children(at) {
		if v, _ := d.tree.Look(at + "/" + escape(name) + "/TrackingPoliciesCreated"); !csp.Truth(v) {
			wait("policy provider %s: TrackingPoliciesCreated is false", name)
		}
	}
	there, all := 0, 0
	d.trackedApps(p, func(app, state string) {
		if all++; state == "3" {
			there++
		} else {
			wait("app %s: InstallationState %s, not 3", app, state)
		}
	})
	if all > 0 {
		progress = append(progress, fmt.Sprintf("tracked apps: %d of %d", there, all))
	}
	return waits, progress
}

// arrived reports whether an expected item is there: its LocURI exists, and the Status
// of an MSI or a certificate says that it is installed.
func (d *Device) arrived(item string) bool {
	uri, _, _ := strings.Cut(item, ";")
	low := strings.ToLower(uri)
	done := ""
	switch {
	case strings.Contains(low, "/enterprisedesktopappmanagement/msi/"):
		done = "70"
	case strings.Contains(low, "/clientcertificateinstall/scep/"):
		done = "1"
	case strings.Contains(low, "/clientcertificateinstall/pfxcertinstall/"):
		done = "0"
	default:
		return d.tree.Has(uri)
	}
	parts := strings.Split(uri, "/")
	for i := range parts {
		if strings.EqualFold(parts[i], "MSI") || strings.EqualFold(parts[i], "SCEP") || strings.EqualFold(parts[i], "PFXCertInstall") {
			v, ok := d.tree.Look(strings.Join(parts[:min(i+2, len(parts))], "/") + "/Status")
			return ok && v == done
		}
	}
	return false
}
