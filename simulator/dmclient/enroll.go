package dmclient

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// EnrollOptions change an enrollment for a test.
type EnrollOptions struct {
	// PlainCSR sends a request every parser takes in place of the Windows one.
	PlainCSR bool
	// IgnorePolicies goes on where GetPolicies fails for another reason than
	// the credentials. Windows would stop.
	IgnorePolicies bool
	// Credential replaces the configured one; NoCredential sends none.
	Credential   *enroll.Credential
	NoCredential bool
}

// Enroll enrolls the device: GET and POST discovery, GetPolicies, RST. It does
// not open the first session; Windows does so by itself right after, and so
// does a caller by Sync with OriginEnrollment. Errors are *enroll.Error, or
// say what in the provisioning document stopped the device.
func (d *Device) Enroll(ctx context.Context, opts EnrollOptions) error {
	d.session.Lock()
	defer d.session.Unlock()
	c := d.EnrollmentClient(opts)
	defer c.HTTP.CloseIdleConnections()
	// What becomes of the GET is the suite's to judge: a server that is not
	// there fails the Discover too.
	if err := c.Reach(ctx); err != nil {
		d.log.Info("discovery GET", "err", err)
	}
	disc, err := c.Discover(ctx)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.discovered = disc
	d.mu.Unlock()
	if disc.AuthPolicy != "" && disc.AuthPolicy != "OnPremise" {
		return &enroll.Error{Step: enroll.StepDiscover, Status: 200,
			Err: fmt.Errorf("the server asks for AuthPolicy %s; this device has a user name and password only (OnPremise)", disc.AuthPolicy)}
	}
	if _, err := c.Policies(ctx, disc.PolicyURL); err != nil {
		var e *enroll.Error
		if !opts.IgnorePolicies || errors.As(err, &e) && e.Refused() {
			return err
		}
	}
	raw, err := d.requestToken(ctx, c, disc.EnrollmentURL, opts)
	if err != nil {
		return err
	}
	doc, err := enroll.ReadProvisioning(raw)
	if err != nil {
		return err
	}
	return d.install(doc)
}

// EnrollmentClient is the client Enroll uses, for tests that do single steps.
func (d *Device) EnrollmentClient(opts EnrollOptions) *enroll.Client {
	p := &d.cfg.Profile
	c := &enroll.Client{
		HTTP: d.client(d.newTransport(nil), func(ex *Exchange) {
			d.record.change(func() { d.record.enrolls = append(d.record.enrolls, ex) })
		}),
		Discovery:  d.cfg.Discovery,
		Credential: &enroll.Credential{Username: d.cfg.Username, Password: d.cfg.Password},
		Request: enroll.DiscoverRequest{
			EmailAddress: d.cfg.Username, RequestVersion: p.RequestVersion, DeviceType: p.DeviceType,
			ApplicationVersion: p.ApplicationVersion, OSEdition: p.OSEdition, AuthPolicies: p.AuthPolicies,
		},
	}
	if opts.Credential != nil {
		c.Credential = opts.Credential
	}
	if opts.NoCredential {
		c.Credential = nil
	}
	return c
}

func (d *Device) requestToken(ctx context.Context, c *enroll.Client, to string, opts EnrollOptions) ([]byte, error) {
	csr, err := d.CSR(opts.PlainCSR)
	if err != nil {
		return nil, err
	}
	return c.Token(ctx, to, csr, d.cfg.Identity.context(&d.cfg.Profile))
}

// CSR makes a certificate request with a key of the device's own, which it
// keeps for the certificate that comes of it.
func (d *Device) CSR(plain bool) ([]byte, error) {
	key, err := d.cfg.Key()
	if err != nil {
		return nil, fmt.Errorf("make the device key: %w", err)
	}
	d.mu.Lock()
	d.key = key
	d.mu.Unlock()
	if plain {
		return enroll.PlainCSR(key, d.cfg.Identity.DeviceID)
	}
	return enroll.WindowsCSR(key, d.cfg.Identity.GUID, d.cfg.Identity.DeviceID)
}

// Context is the list of facts the device sends with its CSR.
func (d *Device) Context() []enroll.ContextItem { return d.cfg.Identity.context(&d.cfg.Profile) }

// install takes in the provisioning document. Only what no device can do
// without is an error.
func (d *Device) install(doc *enroll.Provisioning) error {
	if len(doc.ClientCert) == 0 {
		return errors.New("provisioning document: no client certificate under CertificateStore/My")
	}
	if _, err := enroll.ReadCert(doc.ClientCert); err != nil {
		return fmt.Errorf("provisioning document: client %w", err)
	}
	u, err := url.Parse(doc.App.Addr)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("provisioning document: APPLICATION ADDR %q is not an absolute https URL", doc.App.Addr)
	}
	provider := doc.App.ProviderID
	if provider == "" {
		provider = doc.Provider.ID
	}
	base := ProviderURI(provider)
	// The account exists from now on, whatever the document says of it.
	d.tree.Provision(base, "")
	for _, n := range doc.Provider.Nodes {
		if strings.HasPrefix(strings.ToLower(n.Path), "push/") {
			continue // not configurable here (MS-MDE2 2.2.9.3)
		}
		d.tree.Provision(base+"/"+n.Path, n.Value)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doc, d.cert, d.state, d.wiped, d.leave = doc, doc.ClientCert, Enrolled, "", ""
	if d.transport != nil {
		d.transport.CloseIdleConnections()
		d.transport = nil
	}
	return nil
}

// ProviderURI is the LocURI of a management account, its name encoded.
func ProviderURI(provider string) string {
	return "./Vendor/MSFT/DMClient/Provider/" + url.PathEscape(provider)
}

// PushURI is the LocURI of the account's push node.
func (d *Device) PushURI() string {
	if doc := d.Provisioning(); doc != nil {
		return ProviderURI(doc.App.ProviderID) + "/Push"
	}
	return ""
}
