package variants

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of certificates, and of the address of sessions.
var (
	CertCNOther = &Variant{Name: "cert-cn-other", Does: "writes an id of its own into certificates, not the DeviceID", Seen: "RFC 5280 4.1.2.6; seen", Vary: func(c *mdmserver.Config) {
		devices := &names{}
		c.Tamper.Certify = append(c.Tamper.Certify, func(x *mdmserver.Certification) {
			if !x.Template.IsCA && x.Refusal == nil {
				x.Template.Subject.CommonName = devices.add(x.Template.Subject.CommonName)
			}
		})
		c.Tamper.Owner = append(c.Tamper.Owner, func(_ *x509.Certificate, id string) string { return cmp.Or(devices.of(id), id) })
	}}
	CertCNAndO = &Variant{Name: "cert-cn-o", Does: "writes an organization into certificates, too", Seen: "RFC 5280 4.1.2.6; seen", Vary: func(c *mdmserver.Config) {
		c.Tamper.Certify = append(c.Tamper.Certify, func(x *mdmserver.Certification) {
			x.Template.Subject.Organization = []string{"Example Ltd."}
		})
	}}
	CertOther = &Variant{Name: "cert-other", Does: "counts serial numbers, lets certificates begin five minutes ago, and writes alternative names and more usages", Seen: "RFC 5280 4.1.2.2, 4.1.2.5, 4.2.1.3, 4.2.1.6, 4.2.1.12", Vary: func(c *mdmserver.Config) {
		var serial atomic.Int64
		c.Tamper.Certify = append(c.Tamper.Certify, func(x *mdmserver.Certification) {
			t := x.Template
			t.SerialNumber = big.NewInt(serial.Add(1))
			t.NotBefore = t.NotBefore.Add(55 * time.Minute) // devices may be slow
			if !t.IsCA {
				t.DNSNames = []string{t.Subject.CommonName + ".devices.example"}
				t.KeyUsage |= x509.KeyUsageKeyEncipherment
				t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageIPSECUser)
			}
		})
	}}
	CertSubjectUser = &Variant{Name: "cert-subject-user", Does: "writes the user's name into certificates, which devices of one user share", Seen: "Learn, \"Microsoft Entra integration with MDM\": the UPN for a user; seen", Vary: func(c *mdmserver.Config) {
		var owners sync.Map
		c.Tamper.Certify = append(c.Tamper.Certify, func(x *mdmserver.Certification) {
			if !x.Template.IsCA {
				owners.Store(x.Template.SerialNumber.String(), x.Template.Subject.CommonName)
				x.Template.Subject.CommonName = "somebody@corp.example"
			}
		})
		c.Tamper.Owner = append(c.Tamper.Owner, func(cert *x509.Certificate, id string) string {
			if known, ok := owners.Load(cert.SerialNumber.String()); ok {
				return known.(string)
			}
			return id
		})
	}}
	CARSA = &Variant{Name: "ca-rsa", Does: "signs certificates with an RSA key", Seen: "RFC 4055; seen", Vary: func(c *mdmserver.Config) {
		c.CAKey = func() (crypto.Signer, error) { return caKeys.Key() }
	}}
	AddrPathID = &Variant{Name: "addr-path-id", Does: "has an id of its own in the path of ADDR", Seen: "seen", Vary: func(c *mdmserver.Config) {
		addressed(c, func(addr *url.URL, id string) { addr.Path += "/" + id }, func(u *url.URL) (id string) {
			id, _ = strings.CutPrefix(strings.TrimPrefix(u.Path, mdmserver.LinkedPath), mdmserver.ManagementPath+"/")
			return id
		})
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) { r.Message.Hdr.Source.LocURI = v.In.Hdr.Target.LocURI })
	}}
	AddrQueryID = &Variant{Name: "addr-query-id", Does: "has an id of its own in the query of ADDR", Seen: "MS-MDM 2.1: the query is kept; seen", Vary: func(c *mdmserver.Config) {
		addressed(c, func(addr *url.URL, id string) { addr.RawQuery = url.Values{"device": {id}}.Encode() }, func(u *url.URL) string {
			return u.Query().Get("device")
		})
	}}
	AddrHost = &Variant{Name: "addr-host", Does: "has sessions on another host name", Seen: "Learn, \"w7 APPLICATION CSP\", ADDR; seen", Vary: func(c *mdmserver.Config) {
		address(c, func(_ *mdmserver.Device, addr *url.URL) {
			addr.Host = strings.Replace(addr.Host, "127.0.0.1", "localhost", 1)
		})
	}}
	AddrGet404 = &Variant{Name: "addr-get-404", Does: "answers GET of the management address with 404", Seen: "seen of routers that bind methods", Vary: func(c *mdmserver.Config) {
		hook.Before(&c.Tamper, mdmserver.ManagementPath, func(x *hook.Exchange) int {
			if x.Method != http.MethodPost {
				return http.StatusNotFound
			}
			return 0
		})
	}}
)

// CertOther changes serial numbers, by which CertSubjectUser finds the names that
// CertCNOther changes in turn.
var addresses = []*Variant{CertOther, CertSubjectUser, CertCNOther, CertCNAndO, CARSA, AddrPathID, AddrQueryID, AddrHost, AddrGet404}

// caKeys are the RSA keys of authorities; to make one takes time.
var caKeys = enroll.NewKeyPool(2)

// names are the server's own ids of devices.
type names struct {
	mu   sync.Mutex
	list map[string]string
}

// add gives a new id for a device.
func (n *names) add(device string) (id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.list == nil {
		n.list = map[string]string{}
	}
	id = uuid.NewString()
	n.list[id] = device
	return id
}

// of gives the device with that id, "" if there is none.
func (n *names) of(id string) (device string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.list[id]
}

// address lets f change the ADDR of every document.
func address(c *mdmserver.Config, f func(*mdmserver.Device, *url.URL)) {
	hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
		app := hook.W7(p.Doc)
		if addr, err := url.Parse(hook.Parm(app, "ADDR").SelectAttrValue("value", "")); err == nil {
			f(p.Device, addr)
			hook.SetParm(app, "ADDR", addr.String())
		}
	})
}

// addressed gives every device an address with an id of the server's own, and
// serves sessions at no other, also those of linked enrollments.
func addressed(c *mdmserver.Config, put func(addr *url.URL, id string), take func(*url.URL) (id string)) {
	devices := &names{}
	address(c, func(d *mdmserver.Device, addr *url.URL) { put(addr, devices.add(d.ID)) })
	hook.Reroute(&c.Tamper, func(r *http.Request) string {
		below := ""
		if strings.HasPrefix(r.URL.Path, mdmserver.LinkedPath+"/") {
			below = mdmserver.LinkedPath
		}
		switch {
		case !strings.HasPrefix(r.URL.Path, below+mdmserver.ManagementPath):
			return r.URL.Path
		case devices.of(take(r.URL)) == "":
			return ""
		}
		return below + mdmserver.ManagementPath
	})
}
