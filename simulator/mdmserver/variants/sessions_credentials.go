package variants

import (
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Variants of the credentials of sessions.
var (
	AuthBasic = &Variant{Name: "auth-basic", Does: "asks for name and password in every session", Seen: "MS-MDM 1.3.1", Vary: func(c *mdmserver.Config) {
		c.SessionAuth = mdmserver.AuthBasic
	}}
	DigestEach = &Variant{Name: "digest-each", Does: "asks for a digest in every session", Seen: "MS-MDM 1.3.1", Vary: func(c *mdmserver.Config) {
		c.SessionAuth = mdmserver.AuthMD5
	}}
	DigestOnce = &Variant{Name: "digest-once", Does: "asks for a digest until it got one, and trusts the certificate from then on", Seen: "OMA DM Security 1.2.1 section 5.3; seen", Vary: func(c *mdmserver.Config) {
		c.SessionAuth = mdmserver.AuthMD5
		known := map[*mdmserver.Device]bool{}
		c.Tamper.Admit = append(c.Tamper.Admit, func(v *mdmserver.Visit, a *mdmserver.Admission) {
			known[v.Device] = known[v.Device] || a.Code == syncml.AuthAccepted
			if known[v.Device] && a.Code == syncml.MissingCredential {
				a.Code, a.Challenge = syncml.OK, false
			}
		})
	}}
	Digest200 = &Variant{Name: "digest-200", Does: "asks for a digest in every message: 200 with the next nonce, never 212", Seen: "OMA DM Protocol 1.2.1 section 9", Vary: func(c *mdmserver.Config) {
		c.SessionAuth = mdmserver.AuthMD5
		c.Tamper.Admit = append(c.Tamper.Admit, func(_ *mdmserver.Visit, a *mdmserver.Admission) {
			if a.Code == syncml.AuthAccepted {
				a.Code = syncml.OK
			}
		})
	}}
)

var credentials = []*Variant{AuthBasic, DigestEach, DigestOnce, Digest200}
