package scenarios

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// boundaries are the SEC scenarios about who is let in, and what of one device
// another can see.
var boundaries = []Scenario{
	{ID: "SEC-04", Level: report.Should, On: "expired", Title: "an expired certificate is refused",
		Rule:    "A client certificate that is not valid any more does not open a session; to renew with it may be allowed.",
		Source:  "RFC 5280 6.1.3; MS-MDM 5.1",
		Fix:     "Verify the validity of the client certificate, in a proxy in front, too.",
		Mutants: []string{"sec-expired"},
		Run: func(t *T) {
			d := t.EnrolledOnly()
			left := time.Until(certOf(d).NotAfter)
			if left > t.Lab.Config.Timeouts.Push {
				t.NotApplicable("the device's certificate is valid until %s; a server that issues them for a minute or less shows this", certOf(d).NotAfter.Format(time.DateTime))
			}
			if !t.Soon(func() bool { return time.Now().After(certOf(d).NotAfter) }) {
				t.NotApplicable("the certificate did not expire in time")
			}
			turnedAway(t, d.Sync(dmclient.SyncOptions{}), "a session with an expired certificate")
		}},
	{ID: "SEC-06", Level: report.Must, Ends: true, Title: "a device that left is not managed any more",
		Rule:    "After its user disconnected a device, its certificate opens no session: it has to enroll again. (To tell it once more to unenroll is allowed.)",
		Source:  "MS-MDE2 3.8; MS-MDM 3.1.7.1.3",
		Fix:     "Look the device up on every message, and answer 403 where it is not managed.",
		Mutants: []string{"sec-unenrolled"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			cert, server, provider := d.Certificate(), d.Address(), d.Provider()
			if s, err := d.Unenroll(t.Context()); s == nil || len(s.Received) == 0 {
				t.NotApplicable("the session in which the user disconnects got no reply (see SES-25): %v", err)
			}
			ghost := t.DeviceWith(func(c *dmclient.Config) { c.Identity = d.Identity() })
			if err := ghost.AdoptTLS(server, provider, *cert); err != nil {
				t.NotApplicable("%v", err)
			}
			s := ghost.Sync(dmclient.SyncOptions{})
			if len(s.Commands) > 0 && len(s.Find(syncml.Exec, "/Unenroll")) == len(s.Commands) {
				return
			}
			turnedAway(t, s, "a session of a device that its user disconnected")
		}},
	{ID: "SEC-07", Level: report.Must, On: "entra", Title: "bad tokens of a directory are refused",
		Rule:    "A device's Entra token enrolls it only if it is signed by the directory's key and not by another or none, is for this application, of this issuer and tenant, unchanged, and valid now.",
		Source:  "Learn, \"Microsoft Entra integration with MDM\"; RFC 8725; CVE-2026-24899",
		Fix:     "Verify the JWT with the directory's keys: RS256 only, aud, iss, tid, exp and nbf.",
		Mutants: []string{"sec-jwt-alg", "sec-jwt-key", "sec-jwt-aud", "sec-jwt-iss", "sec-jwt-tid", "sec-jwt-exp"},
		Run:     badTokens},
	{ID: "SEC-08", Level: report.Must, On: "federated", Title: "the sign-in page reflects no markup",
		Rule:    "What comes as appru and login_hint stands in the page as text, or the page refuses it: it is never markup.",
		Source:  "CWE-79; Learn, \"Federated authentication device enrollment\"",
		Fix:     "Escape appru and login_hint in the page, and take appru only where its scheme is ms-app.",
		Mutants: []string{"sec-page"},
		Run: func(t *T) {
			d := t.Device()
			r := discoveredBy(d)
			if !strings.HasPrefix(r.AuthenticationURL, "https://") {
				t.NotApplicable("the server has no sign-in page, or not at an absolute https URL (see ENR-06)")
			}
			const markup = `"><script>dmwake('x')</script><b a='`
			for what, page := range map[string]*enroll.SignIn{"login_hint": {LoginHint: "a" + markup + "@mdm.example"}, "appru": {AppRU: "ms-app://windows.immersivecontrolpanel/" + markup}} {
				page.HTTP, page.URL = signIn(d, r).HTTP, r.AuthenticationURL
				body, status, err := page.Open(t.Context())
				if err != nil {
					t.Fail("an answer to the page with markup in "+what, err.Error())
				}
				t.Evidence("markup in %s: HTTP status %d", what, status)
				t.Expect(bytes.Contains(body, []byte("<script>dmwake(")), "a script that came as %s standing in the page as one", what).To(BeFalse())
			}
		}},
	{ID: "SEC-11", Level: report.Must, Needs: []Need{NeedQueue}, Title: "what one device answers no other sees",
		Rule:    "Results of device A, and its name, appear in no message to device B.",
		Source:  "CWE-200; CWE-488",
		Fix:     "Select results by the device that they are of.",
		Mutants: []string{"sec-leak"},
		Run: func(t *T) {
			a := t.DeviceWith(func(c *dmclient.Config) { c.Identity.Name = "dmwake-" + c.Identity.DeviceID })
			enrolls(a)
			b := t.Enrolled()
			t.Queue(a, lab.Command{Verb: syncml.Get, LocURI: "./DevDetail/Ext/Microsoft/DeviceName"})
			s := t.Managed(a.Sync(dmclient.SyncOptions{}))
			if got := s.Find(syncml.Get, "/DeviceName"); len(got) == 0 || got[0].Result != a.Identity().Name {
				t.NotApplicable("device A was not asked for its name (see PSH-01)")
			}
			for range 2 {
				b.Sync(dmclient.SyncOptions{})
			}
			for _, s := range b.Sessions() {
				for i, ex := range s.Exchanges {
					t.Expect(bytes.Contains(ex.Response, []byte(a.Identity().DeviceID)), "device A's name or id in message %d of session %s of device B", i+1, s.ID).To(BeFalse())
				}
			}
		}},
	{ID: "SEC-12", Level: report.Must, Title: "a CSR for another device's identity",
		Rule:    "A user who may enroll asks for a certificate that names another device: that is refused, or the certificate is bound to the device that enrolls, and opens no session of the other.",
		Source:  "MS-WSTEP 3.1.4.1.2; CWE-295; fleet issues 14626, 46197",
		Fix:     "Write the identity into the certificate that the enrollment proved, not what the CSR asks for.",
		Mutants: []string{"sec-csr"},
		Run: func(t *T) {
			a := t.Enrolled()
			a.First()
			b := t.Device()
			o := t.Lab.Leniency()
			o.CSRDeviceID = a.Identity().DeviceID
			if err := b.EnrollWith(o); err != nil {
				t.Evidence("the enrollment with a CSR for another device was refused: %v", err)
				return
			}
			turnedAway(t, b.Sync(dmclient.SyncOptions{Source: a.Identity().DeviceID}), "a session in the name of device A, with a certificate that another device got for A's name,")
		}},
	{ID: "SEC-13", Level: report.Should, Title: "TLS 1.2 or later, no weak ciphers",
		Rule:    "The management server speaks no TLS before 1.2, and no RC4 or 3DES.",
		Source:  "RFC 8996; RFC 9325 section 4",
		Fix:     "Set the minimum version of TLS to 1.2, and take RC4 and 3DES out.",
		Mutants: []string{"sec-tls"},
		Run: func(t *T) {
			d := t.EnrolledOnly()
			if _, err := t.Lab.TLS(t.Context(), d.Device, tls.VersionTLS13); err != nil {
				t.NotApplicable("no TLS connection to the management server: %v", err)
			}
			if state, err := t.Lab.TLS(t.Context(), d.Device, tls.VersionTLS11); err == nil {
				t.Fail("TLS 1.0 and 1.1 to be refused", tls.VersionName(state.Version))
			}
			weak := []uint16{tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA}
			if state, err := t.Lab.TLS(t.Context(), d.Device, tls.VersionTLS12, weak...); err == nil {
				t.Fail("RC4 and 3DES to be refused", tls.CipherSuiteName(state.CipherSuite))
			}
		}},
	{ID: "SEC-14", Level: report.Must, On: "signing", Title: "a wrong MS-Signature is refused",
		Rule:    "Where RequireMessageSigning is set, a message whose MS-Signature is missing, or was made over other bytes, is refused.",
		Source:  "Learn, \"DMClient CSP\", RequireMessageSigning; MS-MDM 2.2.1",
		Fix:     "Verify the CMS signature over the bytes of the body, and the certificate in it against that of the connection.",
		Mutants: []string{"sec-signature"},
		Run: func(t *T) {
			d := t.Enrolled()
			s := d.First()
			signature := ""
			if v := s.Exchanges[0].Header["MS-Signature"]; len(v) > 0 { //nolint:staticcheck // as it is written on the wire
				signature = v[0]
			}
			if signature == "" {
				t.NotApplicable("the server does not set RequireMessageSigning")
			}
			turnedAway(t, d.Sync(dmclient.SyncOptions{Signature: signature}), "a message with the signature of another")
			whole := messageOf(d, `<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>`)
			turnsAway(t, d.Post("a message without a signature", syncml.MediaType, whole, dmclient.SyncOptions{}), "a message without a signature")
			d.Survived(d.Sync(dmclient.SyncOptions{}), "messages with wrong signatures")
		}},
}

// badTokens tries every kind of token that a server must refuse.
func badTokens(t *T) {
	p := t.Lab.Directory
	if p == nil {
		t.NotApplicable("it needs a directory that issues bad tokens: set target.directory, and the server to trust it")
	}
	user := t.Lab.Config.Target.Username
	bring := func(kind entra.Kind) *Device {
		token, err := p.Issue(kind, entra.Who{UPN: user})
		if err != nil {
			t.NotApplicable("%v", err)
		}
		return t.DeviceWith(func(c *dmclient.Config) {
			c.EntraToken = func(context.Context) (string, error) { return token, nil }
		})
	}
	if err := bring(entra.Good).EnrollWith(t.Lab.Leniency()); err != nil {
		t.NotApplicable("a good token of the directory does not enroll a device either: %v", err)
	}
	for _, kind := range entra.BadKinds() {
		turnedDown(t, bring(kind), t.Lab.Leniency(), fmt.Sprintf("an enrollment with a token of the kind %s", kind))
	}
}
