package dmclient

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// linkedConfig is the configuration of the linked enrollment. It gets no push: whether
// Windows registers a PFN for it is not known [model].
func (d *Device) linkedConfig(endpoint string) Config {
	cfg := d.cfg
	cfg.Profile, cfg.Quirks, cfg.Faults = d.Profile(), nil, nil
	cfg.Discovery, cfg.WNS, cfg.OnWake, cfg.Credential, cfg.TermsOfUse = endpoint, nil, nil, nil, ""
	cfg.EnrollmentType = "Device" // it is of the device, whoever enrolled it [model]
	if cfg.Persist != nil {
		cfg.Persist = func(*Device) error { return d.persist() }
	}
	return cfg
}

// enrollLinked enrolls a second time: a discovery of its own in JSON, then GetPolicies
// and RST as ever (Learn, "Declared configuration discovery" and "enrollment").
func (d *Device) enrollLinked(ctx context.Context) (*Device, error) {
	endpoint := d.LinkEndpoint()
	if err := notMicrosofts(endpoint); err != nil {
		return nil, err
	}
	child, err := newDevice(d.linkedConfig(endpoint), d)
	if err != nil {
		return nil, err
	}
	c := child.EnrollmentClient(EnrollOptions{})
	defer c.HTTP.CloseIdleConnections()
	_, domain, _ := strings.Cut(d.cfg.Username, "@")
	kind := "User"
	if d.InDirectory() && d.joins() {
		kind = "Device"
	}
	disc, err := c.DiscoverLinked(ctx, enroll.LinkedRequest{UserDomain: domain, EmmDeviceID: d.account("EntDMID"), EnrollmentType: kind, OSVersion: d.cfg.Profile.OSVersion}, d.cfg.Username)
	if err != nil {
		return nil, err
	}
	for _, service := range []string{disc.PolicyURL, disc.EnrollmentURL, disc.AuthenticationURL} {
		if err := notMicrosofts(service); err != nil {
			return nil, err
		}
	}
	if err := c.InClear(disc); err != nil {
		return nil, err
	}
	child.mu.Lock()
	child.discovered = disc
	child.mu.Unlock()
	if c.Credential, err = d.linkedCredential(ctx, disc); err != nil {
		return nil, err
	}
	if err := child.obtain(ctx, c, disc, "", EnrollOptions{}); err != nil {
		return nil, err
	}
	child.mu.Lock()
	child.refreshed, child.federated = child.now(), disc.AuthPolicy == "Federated"
	child.mu.Unlock()
	return child, nil
}

// notMicrosofts refuses the addresses of Microsoft's own service: a simulated device has
// no business there.
func notMicrosofts(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return nil // whoever uses it says so
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	for _, domain := range []string{"microsoft.com", "microsoft.us", "microsoft.cn", "microsoftonline.com", "windows.net"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return &enroll.Error{Step: enroll.StepLinked, Err: &enroll.CodedError{Code: enroll.CodeConnectivity,
				Err: fmt.Errorf("%s is Microsoft's service; a simulated device does not enroll there", u.Hostname())}}
		}
	}
	return nil
}

// linkedCredential is the device's token of the directory, or its MDM certificate, as
// the service requires (Learn, "Declared configuration enrollment").
func (d *Device) linkedCredential(ctx context.Context, disc *enroll.DiscoverResponse) (*enroll.Credential, error) {
	refuse := func(code string, err error) (*enroll.Credential, error) {
		return nil, &enroll.Error{Step: enroll.StepLinked, Status: 200, Err: &enroll.CodedError{Code: code, Err: err}}
	}
	switch disc.AuthPolicy {
	case "Certificate":
		d.mu.Lock()
		der, key := d.cert, d.key
		d.mu.Unlock()
		if der == nil || key == nil {
			return refuse(enroll.CodeNoCert, errors.New("the device has no MDM certificate to enroll with"))
		}
		return &enroll.Credential{Certificate: der, Key: key}, nil
	case "Federated":
		if d.cfg.Tokens == nil {
			return refuse(enroll.CodeUnknown, errors.New("the service requires a token of a directory, and the device joined none"))
		}
		token, err := d.cfg.Tokens(ctx, TokenRequest{Of: d, Device: true, DeviceID: d.directoryID()})
		if err != nil {
			return nil, &enroll.Error{Step: enroll.StepLinked, Err: fmt.Errorf("the directory's token: %w", err)}
		}
		return &enroll.Credential{Token: []byte(token), TokenType: enroll.JWTToken}, nil
	}
	return refuse(enroll.CodeUnknown, fmt.Errorf("unknown AuthPolicy %q; a linked enrollment knows Federated and Certificate", disc.AuthPolicy))
}

// linkedItems adds to the context of an RST what a linked enrollment tells of the
// primary one, with EnrollmentVersion 5.0 or higher (MS-MDE2, EmmDeviceId).
func (d *Device) linkedItems(items []enroll.ContextItem) []enroll.ContextItem {
	if d.primary == nil || version(d.Discovered().EnrollmentVersion) < 5 {
		return items
	}
	return append(items, enroll.ContextItem{Name: "EmmDeviceId", Value: d.primary.account("EntDMID")})
}
