package target

import (
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
)

// KeyPair is a certificate and its key, PEM files.
type KeyPair struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Load reads both files; nil if neither is set.
func (k *KeyPair) Load() (*tls.Certificate, error) {
	if k.Cert == "" && k.Key == "" {
		return nil, nil
	}
	pair, err := bounded.KeyPair(k.Cert, k.Key)
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

func (k *KeyPair) complete(what, dir string) error {
	if (k.Cert == "") != (k.Key == "") {
		return fmt.Errorf("%s: cert and key go together", what)
	}
	if k.Cert == "" {
		return nil
	}
	k.Cert, k.Key = inDir(dir, k.Cert), inDir(dir, k.Key)
	if _, err := k.Load(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Directory is a fake Entra that dmwake serves. Configure the server under test
// with its issuer and keys, which "dmwake doctor" prints.
type Directory struct {
	Listen   string `yaml:"listen"` // host:port; empty: no directory
	Tenant   string `yaml:"tenant"`
	Audience string `yaml:"audience"`
	// Version of the tokens is 1.0 (default) or 2.0; the audience of v2.0 is ClientID.
	Version  string `yaml:"version"`
	ClientID string `yaml:"client_id"`
	// Public is the URL by which the server reaches it, if that is not
	// http://{listen}.
	Public string `yaml:"public"`
	// Life is how long its tokens are valid, default an hour.
	Life time.Duration `yaml:"life"`
}

// Provisioned is a device that enrolled by other means; it is used if Server is
// set.
type Provisioned struct {
	Server        string `yaml:"server"` // where sessions go
	ProviderID    string `yaml:"provider_id"`
	DeviceID      string `yaml:"device_id"`
	Cert          string `yaml:"cert"`
	Key           string `yaml:"key"`
	EnrollmentURL string `yaml:"enrollment_url"` // where it renews, if anywhere
	// PFN is the one that the server set after the enrollment; without it the server
	// must set it in the sessions of the run.
	PFN string `yaml:"pfn"`
}

// Load reads the device's certificate and key.
func (p *Provisioned) Load() (dmclient.Provisioned, error) {
	out := dmclient.Provisioned{ServerURL: p.Server, ProviderID: p.ProviderID, EnrollmentURL: p.EnrollmentURL, PFN: p.PFN}
	pair, err := (&KeyPair{p.Cert, p.Key}).Load()
	if err != nil {
		return out, err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return out, fmt.Errorf("a key of type %T cannot sign", pair.PrivateKey)
	}
	out.Certificate, out.Key = pair.Certificate[0], key
	return out, nil
}

// Shared reports whether all scenarios share one device.
func (t *Target) Shared() bool { return t.SharedDevice || t.Provisioned.Server != "" }

// DiscoveryURL returns the discovery URL: as configured, or from the user's domain
// (MS-MDE2 3.1.4.1). It is empty if the device is already enrolled.
func (t *Target) DiscoveryURL() string {
	if t.Discovery != "" || t.Provisioned.Server != "" {
		return t.Discovery
	}
	u, err := enroll.DiscoveryURL(t.Username)
	if err != nil {
		return ""
	}
	return u
}

// completeEnrollment checks how devices enroll.
func (t *Target) completeEnrollment(dir string) error {
	p := &t.Provisioned
	if err := t.Certificate.complete("target.certificate", dir); err != nil {
		return err
	}
	pair := KeyPair{p.Cert, p.Key}
	if err := pair.complete("target.provisioned", dir); err != nil {
		return err
	}
	p.Cert, p.Key = pair.Cert, pair.Key
	for key, v := range map[string]string{"target.discovery": t.Discovery, "target.provisioned.server": p.Server, "target.provisioned.enrollment_url": p.EnrollmentURL} {
		if u, err := url.Parse(v); v != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
			return fmt.Errorf("%s %q is not an https URL", key, v)
		}
	}
	if d := &t.Directory; d.Listen != "" {
		if _, _, err := net.SplitHostPort(d.Listen); err != nil && d.Listen != AutoPort {
			return fmt.Errorf("target.directory.listen %q is neither host:port nor auto", d.Listen)
		}
		if d.Version != "" && d.Version != entra.V1 && d.Version != entra.V2 {
			return fmt.Errorf("target.directory.version %q is neither %s nor %s", d.Version, entra.V1, entra.V2)
		}
		if d.Life < 0 {
			return fmt.Errorf("target.directory.life %s is negative; it is how long a token is valid, such as 10m", d.Life)
		}
	}
	var tokens []string
	for _, k := range []struct {
		key string
		is  bool
	}{{"target.directory", t.Directory.Listen != ""}, {"target.hooks.token", t.Hooks.Token != nil}, {"target.signin", !t.SignIn.Default()}} {
		if k.is {
			tokens = append(tokens, k.key)
		}
	}
	if len(tokens) > 1 {
		return fmt.Errorf("%s give devices their tokens: keep one", strings.Join(tokens, " and "))
	}
	if err := t.checkTerms(); err != nil {
		return err
	}
	if p.Server != "" {
		switch {
		case p.Cert == "":
			return errors.New("target.provisioned needs cert and key, the device's client certificate and its key in PEM")
		case p.ProviderID == "" || p.DeviceID == "":
			return errors.New("target.provisioned needs provider_id, the PROVIDER-ID it enrolled with, and device_id, the Source of its messages")
		}
		return nil
	}
	switch {
	case t.Discovery != "":
	case t.Username == "":
		return errors.New("target.discovery is missing: give the URL of the server's discovery service, or an e-mail address of its domain as target.username")
	case !strings.Contains(t.Username, "@"):
		return fmt.Errorf("target.discovery is missing, and target.username %q is not an e-mail address to find it by", t.Username)
	}
	// Whether the server asks for a password shows only at the enrollment.
	if byOther := t.Certificate.Cert != "" || len(tokens) > 0; t.Username == "" && !byOther {
		return errors.New("target.username is needed to enroll (or target.certificate, target.directory, target.hooks.token, target.signin, target.provisioned)")
	}
	return nil
}
