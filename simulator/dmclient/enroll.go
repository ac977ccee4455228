package dmclient

import (
	"cmp"
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// EnrollOptions change an enrollment for a test.
type EnrollOptions struct {
	// PlainCSR sends a CSR that every parser accepts, instead of Windows' form.
	PlainCSR bool
	// IgnorePolicies continues after a failed GetPolicies, unless the
	// credentials were refused. Windows would stop.
	IgnorePolicies bool
	// IgnoreTerms enrolls without the terms of use. Windows would stop.
	IgnoreTerms bool
	// CSRDeviceID replaces the DeviceID in the CSR.
	CSRDeviceID string
	// Credential replaces the configured one; NoCredential sends none.
	Credential   *enroll.Credential
	NoCredential bool
	// Certificate is presented in TLS, as in a renewal. Enroll presents none.
	Certificate *tls.Certificate
	// Again removes an existing enrollment first, without telling the server, as a
	// reset of the device does.
	Again bool
}

// Enroll enrolls the device: GET and POST discovery, the sign-in that the
// server requires, GetPolicies, RST. An enrolled device refuses (0x8018000A):
// Unenroll it first, or set Again. The first session, which Windows opens right
// after, is up to the caller: Sync with OriginEnrollment. Errors are
// *enroll.Error, or ErrNotStored of a device that is enrolled.
func (d *Device) Enroll(ctx context.Context, opts EnrollOptions) error {
	if err := d.session.take(ctx); err != nil {
		return err
	}
	defer d.session.Unlock()
	if d.cfg.Discovery == "" {
		return errors.New("enroll: set Config.Discovery, or a Username to find the server by")
	}
	if err := d.begin(opts.Again); err != nil {
		return err
	}
	if d.cfg.Pace != nil {
		if err := d.cfg.Pace(ctx); err != nil {
			return err
		}
	}
	c := d.EnrollmentClient(opts)
	defer c.HTTP.CloseIdleConnections()
	terms := ""
	if !opts.IgnoreTerms {
		var err error
		if terms, err = d.acceptTerms(ctx, c); err != nil {
			return err
		}
	}
	// The suite judges the GET. If the server is unreachable, Discover fails,
	// too.
	if err := c.Reach(ctx); err != nil {
		d.log.Info("discovery GET", "err", err)
	}
	disc, err := c.Discover(ctx)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.discovered, d.azure = disc, nil
	d.mu.Unlock()
	if err := c.InClear(disc); err != nil {
		return err
	}
	if opts.Credential == nil && !opts.NoCredential {
		if c.Credential, err = d.credential(ctx, c, disc); err != nil {
			return err
		}
	}
	if err := d.obtain(ctx, c, disc, terms, opts); err != nil {
		return err
	}
	d.join(c.Credential)
	d.mu.Lock()
	d.enrollURL, d.federated = "", disc.AuthPolicy == "Federated"
	d.mu.Unlock()
	return d.persist()
}

// obtain asks the services that Discover named for the provisioning document, and
// installs it.
func (d *Device) obtain(ctx context.Context, c *enroll.Client, disc *enroll.DiscoverResponse, terms string, opts EnrollOptions) error {
	if err := d.policies(ctx, c, disc.PolicyURL, opts.IgnorePolicies); err != nil {
		return err
	}
	raw, err := d.requestToken(ctx, c, disc.EnrollmentURL, terms, opts)
	if err != nil {
		return err
	}
	if len(raw) == 0 {
		return &enroll.Error{Step: enroll.StepInstall, Err: &enroll.CodedError{Code: enroll.CodeEmpty, Err: errors.New("it is empty")}}
	}
	doc, err := enroll.ReadProvisioning(raw)
	if err != nil {
		return &enroll.Error{Step: enroll.StepInstall, Err: &enroll.CodedError{Code: enroll.CodeInvalidData, Err: err}}
	}
	if err := d.install(doc); err != nil {
		return err
	}
	return nil
}

// begin refuses to enroll an enrolled device, or removes the enrollment.
func (d *Device) begin(again bool) error {
	switch {
	case d.State() != Enrolled:
	case again:
		d.end(Unenrolled)
	default:
		code := enroll.CodeAlreadyThere
		if d.cfg.Profile.Build < 10240 {
			code = enroll.CodeAlready81
		}
		return &enroll.Error{Step: enroll.StepStart, Err: &enroll.CodedError{Code: code, Err: fmt.Errorf("the device is enrolled with %s; unenroll it first", d.Provider())}}
	}
	return nil
}

// policies asks the policy service, which is optional (MS-MDE2 3.1.4.1.3.2).
func (d *Device) policies(ctx context.Context, c *enroll.Client, at string, ignore bool) error {
	if at == "" {
		return nil
	}
	p, err := c.Policies(ctx, at)
	if err != nil {
		var e *enroll.Error
		if ignore && !(errors.As(err, &e) && e.Refused()) {
			return nil
		}
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.azure = p.Azure
	return nil
}

// credential is what Config.Credential chooses, or what the server's AuthPolicy
// requires.
func (d *Device) credential(ctx context.Context, c *enroll.Client, disc *enroll.DiscoverResponse) (*enroll.Credential, error) {
	refuse := func(code string, err error) (*enroll.Credential, error) {
		return nil, &enroll.Error{Step: enroll.StepDiscover, Status: 200, Err: &enroll.CodedError{Code: code, Err: err}}
	}
	if d.cfg.Credential != nil {
		if cred, err := d.cfg.Credential(ctx, d, disc); cred != nil || err != nil {
			return cred, err
		}
	}
	switch disc.AuthPolicy {
	case "", "OnPremise":
		return c.Credential, nil
	case "Federated":
		if d.cfg.EntraToken != nil || d.cfg.Tokens != nil {
			token, err := d.entraToken(ctx)
			if err != nil {
				return nil, &enroll.Error{Step: enroll.StepSignIn, Err: fmt.Errorf("the directory's token: %w", err)}
			}
			return &enroll.Credential{Token: []byte(token), TokenType: enroll.JWTToken}, nil
		}
		page := &enroll.SignIn{HTTP: c.HTTP, URL: disc.AuthenticationURL, LoginHint: d.cfg.Username, Username: d.cfg.Username, Password: d.cfg.Password}
		token, err := page.Token(ctx)
		if err != nil {
			return nil, err
		}
		return &enroll.Credential{Token: token}, nil
	case "Certificate":
		if d.cfg.EnrollCert == nil {
			return refuse(enroll.CodeNoCert, errors.New("the server requires AuthPolicy Certificate, and this device has no certificate (Config.EnrollCert)"))
		}
		key, ok := d.cfg.EnrollCert.PrivateKey.(crypto.Signer)
		if !ok || len(d.cfg.EnrollCert.Certificate) == 0 {
			return refuse(enroll.CodeNoCert, errors.New("Config.EnrollCert is empty or its key cannot sign"))
		}
		return &enroll.Credential{Certificate: d.cfg.EnrollCert.Certificate[0], Key: key}, nil
	}
	return refuse(enroll.CodeUnknown, fmt.Errorf("unknown AuthPolicy %q; Windows knows OnPremise, Federated and Certificate", disc.AuthPolicy))
}

// EnrollmentClient is Enroll's client, for tests of single steps.
func (d *Device) EnrollmentClient(opts EnrollOptions) *enroll.Client {
	p := &d.cfg.Profile
	policies := p.AuthPolicies
	if d.cfg.EnrollCert != nil {
		policies = []string{"Certificate"} // as a provisioning package sets it up
	}
	c := &enroll.Client{
		HTTP:       d.enrollmentHTTP(opts.Certificate),
		Discovery:  d.cfg.Discovery,
		EditRST:    d.cfg.EditRST,
		AllowHTTP:  d.cfg.AllowHTTP,
		Credential: &enroll.Credential{Username: d.cfg.Username, Password: d.cfg.Password},
		Request: enroll.DiscoverRequest{
			EmailAddress: d.cfg.Username, RequestVersion: p.RequestVersion, DeviceType: p.DeviceType,
			ApplicationVersion: p.ApplicationVersion, OSEdition: p.OSEdition, AuthPolicies: policies,
		},
	}
	if p.Quirks.TPMPolicies {
		c.TPM = &enroll.TPM{Manufacturer: "INTC", FirmwareVersion: "600.18.0.0"} // a model
	}
	if opts.Credential != nil {
		c.Credential = opts.Credential
	}
	if opts.NoCredential {
		c.Credential = nil
	}
	return c
}

// requestToken sends the RST; terms is what the terms-of-use page told.
func (d *Device) requestToken(ctx context.Context, c *enroll.Client, to, terms string, opts EnrollOptions) ([]byte, error) {
	key, csr, err := d.newCSR(opts.PlainCSR, cmp.Or(opts.CSRDeviceID, d.cfg.Identity.DeviceID))
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.key = key
	d.mu.Unlock()
	items, err := d.contextFor(key)
	if err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	return c.Token(ctx, to, csr, withTerms(d.linkedItems(items), terms))
}

// CSR makes a certificate request with a new key, and keeps the key for the
// certificate.
func (d *Device) CSR(plain bool) ([]byte, error) {
	key, csr, err := d.newCSR(plain, d.cfg.Identity.DeviceID)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.key = key
	d.mu.Unlock()
	return csr, nil
}

func (d *Device) newCSR(plain bool, deviceID string) (crypto.Signer, []byte, error) {
	key, err := d.cfg.Key()
	if err != nil {
		return nil, nil, fmt.Errorf("make the device key: %w", err)
	}
	var csr []byte
	if plain {
		csr, err = enroll.PlainCSR(key, deviceID)
	} else {
		csr, err = enroll.WindowsCSR(key, d.cfg.Identity.GUID, deviceID)
	}
	return key, csr, err
}

// Renew replaces the client certificate, by a request signed with the old key,
// over mutual TLS with the old certificate (ROBO: MS-MDE2 3.5). A failure is
// recorded in CertificateStore/MY/WSTEP/Renew and retried after RetryInterval
// days.
func (d *Device) Renew(ctx context.Context) error {
	if err := d.session.take(ctx); err != nil {
		return err
	}
	defer d.session.Unlock()
	if err := d.ready(); err != nil {
		return err
	}
	now := d.now()
	d.mu.Lock()
	d.renewal = renewal{at: now, status: renewing}
	d.mu.Unlock()
	err := d.renewCertificate(ctx)
	d.noteRenewal(now, err)
	return errors.Join(err, d.persist())
}

// noteRenewal records how the renewal at that time ended.
func (d *Device) noteRenewal(at time.Time, err error) {
	retry, _ := d.tree.Look("./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/RetryInterval")
	d.mu.Lock()
	defer d.mu.Unlock()
	d.renewal.status = renewed
	d.schedule.renewNow = false
	d.schedule.renewTry = time.Time{}
	if err != nil {
		d.renewal.status, d.renewal.code = renewFailed, -2145910762 // 0x80180016
		d.schedule.renewTry = at.Add(duration(retry, day, 7*day))
	}
}

func (d *Device) renewCertificate(ctx context.Context) error {
	fail := func(err error) error { return &enroll.Error{Step: enroll.StepRenew, Err: err} }
	d.mu.Lock()
	old, oldKey := d.cert, d.key
	d.mu.Unlock()
	if expires, err := enroll.NotAfter(old); err == nil && !d.now().Before(expires) {
		return fail(fmt.Errorf("the certificate expired at %s; expired certificates are not renewed", expires.UTC().Format(time.RFC3339)))
	}
	key, csr, err := d.newCSR(false, d.cfg.Identity.DeviceID)
	if err != nil {
		return fail(err)
	}
	signed, err := enroll.SignedCSR(csr, old, oldKey)
	if err != nil {
		return fail(err)
	}
	c := d.EnrollmentClient(EnrollOptions{NoCredential: true, Certificate: d.Certificate()})
	defer c.HTTP.CloseIdleConnections()
	to, err := d.renewalURL(ctx, c)
	if err != nil {
		return err
	}
	items, err := d.contextFor(key)
	if err != nil {
		return fail(err)
	}
	raw, err := c.Renew(ctx, to, signed, items)
	if err != nil {
		return err
	}
	doc, err := enroll.ReadProvisioning(raw)
	if err != nil {
		return fail(err)
	}
	cert, err := enroll.ReadCert(doc.ClientCert)
	if err != nil {
		return fail(err)
	}
	type comparable interface{ Equal(crypto.PublicKey) bool }
	if pub, ok := key.Public().(comparable); !ok || !pub.Equal(cert.PublicKey) {
		return fail(errors.New("the new certificate has another key than the request"))
	}
	d.Disconnect()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.key, d.cert = key, doc.ClientCert
	d.roots = append(d.roots[:len(d.roots):len(d.roots)], doc.Roots...)
	return nil
}

// renewalURL asks the discovery service where certificates are renewed: a renewal
// takes the steps of an enrollment, from Renew/ServerURL or else from the discovery
// URL (Learn, "CertificateStore CSP", ServerURL). That it leaves out GetPolicies is
// a model. A device that was adopted may know the enrollment service only.
func (d *Device) renewalURL(ctx context.Context, c *enroll.Client) (string, error) {
	d.mu.Lock()
	adopted := d.enrollURL
	d.mu.Unlock()
	switch set, _ := d.tree.Look("./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/ServerURL"); {
	case set != "":
		c.Discovery = set
	case adopted != "":
		return adopted, nil
	case c.Discovery == "":
		return "", &enroll.Error{Step: enroll.StepRenew, Err: errors.New("no URL: neither Config.Discovery nor CertificateStore/MY/WSTEP/Renew/ServerURL names a discovery service")}
	}
	disc, err := c.Discover(ctx)
	if err != nil {
		return "", err
	}
	return disc.EnrollmentURL, c.InClear(disc)
}
