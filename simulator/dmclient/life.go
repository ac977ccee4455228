package dmclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Life is what happened to a device.
type Life struct {
	Locks, Reboots, Finds int
	PIN                   string // the last remotely set PIN
	Wiped                 string // the RemoteWipe node that was executed
	NotWiped              string `json:",omitempty"` // the same, of a wipe that was rolled back
	// Effects are the latest effects, oldest first.
	Effects []csp.Effect
}

const keptEffects = 32

func (l *Life) add(e csp.Effect) {
	switch e.Kind {
	case csp.EffectLock:
		l.Locks++
	case csp.EffectNewPIN:
		l.PIN = e.Detail
	case csp.EffectReboot:
		l.Reboots++
	case csp.EffectLocate:
		l.Finds++
	case csp.EffectWipe:
		l.Wiped = e.Detail
	case csp.EffectNotWiped:
		l.NotWiped = e.Detail
	}
	e.At = e.At.UTC().Truncate(time.Millisecond)
	if l.Effects = append(l.Effects, e); len(l.Effects) > keptEffects {
		l.Effects = append([]csp.Effect(nil), l.Effects[len(l.Effects)-keptEffects:]...)
	}
}

// Life returns what happened to the device so far.
func (d *Device) Life() Life {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.life
	l.Effects = append([]csp.Effect(nil), l.Effects...)
	for _, e := range d.pending {
		l.add(e)
	}
	return l
}

// Locked is how often the device was locked remotely.
func (d *Device) Locked() int { return d.Life().Locks }

// afterSession ends a session.
func (d *Device) afterSession(s *Session) {
	d.mu.Lock()
	d.afterTokens(s)
	if s.Err == nil && len(s.Received) > 0 {
		d.alerts = nil // the server has them
		d.declared = slices.DeleteFunc(d.declared, func(x declaration) bool { return x.State == declaredRemoved })
		d.schedule.lastContact = d.now()
	}
	d.mu.Unlock()
	if managed := d.settle(); s.Err == nil && managed {
		d.endOfSession()
	}
	d.reschedule()
}

// settle applies the effects that wait for a session's end, and reports whether the
// device is still managed.
func (d *Device) settle() (managed bool) {
	d.mu.Lock()
	var wiped, left, renew, reboot bool
	for _, e := range d.pending {
		d.life.add(e)
		switch e.Kind {
		case csp.EffectLink, csp.EffectUnlink:
			d.schedules(e)
		case csp.EffectWipe:
			wiped = true
		case csp.EffectUnenroll:
			left = true
		case csp.EffectRenew:
			renew = true
		case csp.EffectReboot:
			reboot = true
		}
	}
	d.pending = nil
	if renew {
		d.schedule.renewNow = true
		d.renewal.status = renewing
	}
	d.mu.Unlock()
	switch {
	case wiped:
		d.end(Wiped)
	case left:
		d.end(Unenrolled)
	case reboot:
		d.Disconnect() // connections do not survive it; the channel does
	}
	return !wiped && !left
}

// end takes the device out of management.
func (d *Device) end(s State) {
	d.unlink()
	if d.primary != nil {
		d.rollBack(context.Background())
	}
	d.forget()
	d.mu.Lock()
	d.state = s
	d.mu.Unlock()
	if d.primary != nil {
		d.primary.linkedEnded(s)
	}
}

// finishJobs completes due jobs; their results go into package 1.
func (d *Device) finishJobs(ctx context.Context) {
	now := d.now()
	d.mu.Lock()
	var due, later []csp.Job
	for _, j := range d.jobs {
		if j.Due.After(now) {
			later = append(later, j)
		} else {
			due = append(due, j)
		}
	}
	d.jobs = later
	d.mu.Unlock()
	for _, j := range due {
		if j.CSP == csp.DeclaredConfiguration {
			d.declare(ctx, j)
			continue
		}
		done, ok := d.tree.Finish(ctx, j)
		if !ok || done.Type == "" {
			continue
		}
		alert := syncml.Command{Verb: syncml.Alert, Data: strconv.Itoa(syncml.AlertGeneric), Items: []syncml.Item{{
			Source: syncml.Loc{LocURI: done.LocURI}, Meta: &syncml.Meta{Type: done.Type, Format: string(done.Format), Mark: done.Mark}, Data: done.Data, HasData: true}}}
		d.mu.Lock()
		d.alerts = append(d.alerts, alert)
		d.mu.Unlock()
	}
}

// Unenroll disconnects the device as its user would: a session with the
// unenrollment alert, then the account is removed, whatever the server
// answered. The error is the session's.
func (d *Device) Unenroll(ctx context.Context) (*Session, error) {
	s, err := d.Sync(ctx, SyncOptions{Origin: OriginUser, NoRetry: true, Alerts: []syncml.Command{UnenrollAlert(d.Profile())}})
	if errors.Is(err, ErrNotEnrolled) {
		return nil, err
	}
	d.session.Lock()
	defer d.session.Unlock()
	if d.State() == Enrolled {
		d.end(Unenrolled)
	}
	if err != nil {
		err = fmt.Errorf("unenrolled, but the server was not told: %w", err)
	}
	return s, err
}

// Wipe resets the device as its user would, without notice to the server.
func (d *Device) Wipe() {
	d.session.Lock()
	defer d.session.Unlock()
	d.mu.Lock()
	d.life.add(csp.Effect{Kind: csp.EffectWipe, Detail: "by the user", At: d.now()})
	d.mu.Unlock()
	d.end(Wiped)
}

// Power is what the device's power and data settings allow.
type Power int

// The states of power. A saver closes the WNS client's connection (Learn,
// "Push notification support for device management"). Push/Status 7 is a push that
// arrived although power or connectivity allow no session (Learn, "DMClient CSP"); the
// two pages together need a state of its own.
const (
	PowerNormal  Power = iota
	PowerSaver         // battery saver, or data limit reached: the WNS connection is closed
	PowerOff           // no network at all
	PowerLimited       // the WNS connection is there, but no session is possible
)

func (p Power) String() string { return [...]string{"normal", "saver", "off", "limited"}[p] }

// connected reports whether the WNS client has its connection.
func (p Power) connected() bool { return p == PowerNormal || p == PowerLimited }

// closes says why there is no WNS connection. A saver is not an outage: the user or
// Windows chose it, and sessions go on by polling.
func (p Power) closes() string {
	if p == PowerSaver {
		return "battery saver has closed the WNS connection"
	}
	return "the WNS client is offline"
}

// SetPower changes the power state. In PowerLimited a push arrives but starts no
// session, and Push/Status is 7. In PowerSaver and PowerOff nothing arrives, and the
// push service is notified.
func (d *Device) SetPower(p Power) {
	d.push.mu.Lock()
	before := d.push.power
	d.push.power = p
	if p == PowerNormal {
		for _, a := range d.push.accounts {
			if a.status == PushNoSession {
				a.status = PushOK
			}
		}
	}
	d.push.mu.Unlock()
	if wns := d.cfg.WNS; wns != nil && before.connected() != p.connected() {
		wns.SetConnected(d.cfg.Identity.DeviceID, p.connected())
	}
}

// Inventory is what servers configured on the device.
type Inventory struct {
	State        string
	Life         Life
	VPNs, WiFi   []string
	Certificates []string // thumbprints, under the stores' LocURIs
	Apps         []string // package or product, and version
	Policies     []string // area/name=value
	Work         []string // installations and certificate requests that are under way or failed
	Linked       []string // the linked enrollment and its documents, or the task that makes it
}

// Inventory reads it from the tree.
func (d *Device) Inventory() Inventory {
	t := d.tree
	inv := Inventory{State: d.State().String(), Life: d.Life(), Linked: d.linkedInventory()}
	for _, scope := range []string{"./Vendor/MSFT/", "./User/Vendor/MSFT/"} {
		inv.VPNs = append(inv.VPNs, t.Children(scope+"VPNv2")...)
		inv.WiFi = append(inv.WiFi, t.Children(scope+"WiFi/Profile")...)
		for _, store := range []string{"RootCATrustedCertificates/Root", "RootCATrustedCertificates/CA", "RootCATrustedCertificates/TrustedPublisher",
			"RootCATrustedCertificates/TrustedPeople", "CertificateStore/ROOT/System", "CertificateStore/CA/System", "CertificateStore/MY/User", "CertificateStore/MY/System"} {
			for _, hash := range t.Children(scope + store) {
				inv.Certificates = append(inv.Certificates, store+"/"+hash)
			}
		}
		for _, store := range []string{"ClientCertificateInstall/PFXCertInstall", "ClientCertificateInstall/SCEP", "CertificateStore/MY/SCEP"} {
			for _, id := range t.Children(scope + store) {
				for _, node := range []string{"/Thumbprint", "/CertThumbprint", "/CertThumbPrint"} {
					if v, ok := t.Look(scope + store + "/" + escape(id) + node); ok && v != "" {
						inv.Certificates = append(inv.Certificates, store+"/"+id+" "+v)
					}
				}
			}
		}
		inv.Apps = append(inv.Apps, d.apps(scope)...)
		inv.Work = append(inv.Work, d.work(scope)...)
		for _, where := range []string{"Policy/Config", "PolicyManager/My"} {
			for _, area := range t.Children(scope + where) {
				for _, name := range t.Children(scope + where + "/" + escape(area)) {
					v, _ := t.Look(scope + where + "/" + escape(area) + "/" + escape(name))
					inv.Policies = append(inv.Policies, area+"/"+name+"="+v)
				}
			}
		}
	}
	return inv
}

func (d *Device) apps(scope string) (out []string) {
	t := d.tree
	const modern = "EnterpriseModernAppManagement/AppManagement"
	for _, store := range csp.AppStores {
		for _, family := range t.Children(scope + modern + "/" + store) {
			at := scope + modern + "/" + store + "/" + escape(family)
			for _, full := range t.Children(at) {
				if v, ok := t.Look(at + "/" + escape(full) + "/Version"); ok {
					out = append(out, family+" "+v)
				}
			}
		}
	}
	for _, product := range t.Children(scope + "EnterpriseDesktopAppManagement/MSI") {
		if v, ok := t.Look(scope + "EnterpriseDesktopAppManagement/MSI/" + escape(product) + "/Version"); ok && v != "" {
			out = append(out, product+" "+v)
		}
	}
	for _, ent := range t.Children(scope + "EnterpriseAppManagement") {
		at := scope + "EnterpriseAppManagement/" + escape(ent) + "/EnterpriseApps/Inventory"
		for _, product := range t.Children(at) {
			v, _ := t.Look(at + "/" + escape(product) + "/Version")
			out = append(out, product+" "+v)
		}
	}
	return out
}

// due is the time until at; never negative.
func due(at, now time.Time) time.Duration { return max(at.Sub(now), 0) }
