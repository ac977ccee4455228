package variants

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Variants of the credentials of sessions, and of the answers to Alerts.
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
	DigestUUID = &Variant{Name: "digest-uuid", Does: "asks for a digest, and makes its nonces of the text of a UUID", Seen: "MS-MDM 1.3.1; seen", Vary: func(c *mdmserver.Config) {
		c.SessionAuth = mdmserver.AuthMD5
		c.Tamper.Admit = append(c.Tamper.Admit, func(_ *mdmserver.Visit, a *mdmserver.Admission) { a.Nonce = []byte(uuid.NewString()) })
	}}
	AlertsRefused = &Variant{Name: "alerts-refused", Does: "answers Alerts that it does not use with 406, and generic ones with 415", Seen: "OMA DM RepPro 1.2.1 section 6.6.2; OMA DM Protocol 1.2.1 section 8.7", Vary: func(c *mdmserver.Config) {
		hook.Reply(&c.Tamper, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range r.Message.Body {
				st := &r.Message.Body[i]
				a := hook.AnsweredBy(v, st)
				switch {
				case a == nil || a.Verb != syncml.Alert || st.Data != "200":
				case a.Code() == syncml.AlertClientEvent && !alertOf(a, "LoginStatus"):
					st.Data = "406"
				case hook.Foreign(a):
					st.Data = "415"
				}
			}
		})
	}}
	TokenRefused = &Variant{Name: "token-refused", Does: "refuses a session whose AADUserToken is none of its directory's", Seen: "Learn, \"Microsoft Entra integration with MDM\"", Vary: func(c *mdmserver.Config) {
		c.Tamper.Receive = append(c.Tamper.Receive, func(v *mdmserver.Visit) int {
			for i := range v.In.Body {
				if alertOf(&v.In.Body[i], "AADUserToken") && v.Config.Entra == nil {
					return http.StatusUnauthorized
				}
			}
			return 0
		})
	}}
)

var credentials = []*Variant{AuthBasic, DigestEach, DigestOnce, Digest200, DigestUUID, AlertsRefused, TokenRefused}

// alertOf tells whether an Alert has a type that ends like this.
func alertOf(c *syncml.Command, kind string) bool {
	return c.Verb == syncml.Alert && len(c.Items) > 0 && c.Items[0].Meta != nil && strings.HasSuffix(c.Items[0].Meta.Type, kind)
}
