package lab

import (
	"fmt"
	"net"

	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// setUpEntra lets devices bring tokens of a fake directory.
func (l *Lab) setUpEntra(c *mdmserver.Config) error {
	ln, err := Listen("the fake Entra", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := l.startDirectory(ln); err != nil {
		return err
	}
	p := l.Directory
	c.AuthPolicy = mdmserver.Federated
	c.Entra = &mdmserver.Entra{Tenant: p.Tenant(), Issuer: p.Issuer(), Audience: p.Audience(), KeysURL: p.KeysURL()}
	iss, aud := p.Of(entra.V2)
	c.Entra.Also = []mdmserver.TokenNames{{Issuer: iss, Audience: aud}}
	l.Config.Target.Directory.ClientID, l.Config.Target.TermsOfUse = aud, c.BaseURL+mdmserver.TermsPath
	return nil
}

// startDirectory serves a fake Entra on ln; nil serves none.
func (l *Lab) startDirectory(ln net.Listener) (err error) {
	if ln == nil {
		return nil
	}
	d := &l.Config.Target.Directory
	d.Listen = ln.Addr().String()
	if d.Public == "" {
		d.Public = "http://" + d.Listen
	}
	if l.Directory, err = entra.New(entra.Config{BaseURL: d.Public, Tenant: d.Tenant, Audience: d.Audience, Version: d.Version, ClientID: d.ClientID, Life: d.Life,
		Key: l.family.keys.RSA}); err != nil {
		ln.Close()
		return fmt.Errorf("target.directory: %w", err)
	}
	l.serve(ln, l.Directory)
	return nil
}
