package repro

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// enrollments are about the enrollment of a device.
func enrollments() []Case {
	return []Case{
		{Name: "discovery-400", Shows: "discovery answers HTTP 400: Windows shows 0x80190190", Sources: []string{"https://github.com/fleetdm/fleet/issues/34993"}, Explain: "0x80190190",
			LookAt:    "does a proxy or a firewall answer in the server's place? does the server take every RequestVersion, and a body of that size? (here the embedded server answers 400)",
			Scenarios: []string{"ENR-36", "ENR-41"}, Reach: atEnrollment, Enrolls: true, Seen: shown("0x80190190"),
			Break: func(t *mdmserver.Tamper) {
				discovered(t, func(x *hook.Exchange) { x.Status, x.Reply = http.StatusBadRequest, nil })
			}},
		{Name: "discovery-no-soap", Shows: "discovery answers 200 with something that is not SOAP: Windows shows 0x801900c8", Sources: []string{"https://github.com/fleetdm/fleet/issues/42144"}, Explain: "0x801900c8",
			LookAt:    "is the address of discovery that of the service, or of a page or a JSON API? does a gateway empty the request's body? (here the embedded server answers JSON)",
			Scenarios: []string{"ENR-02", "ENR-90"}, Reach: atEnrollment, Enrolls: true, Seen: shown("0x801900c8"),
			Break: func(t *mdmserver.Tamper) {
				discovered(t, func(x *hook.Exchange) {
					x.ReplyHeader.Set("Content-Type", "application/json")
					x.Status, x.Reply = http.StatusOK, []byte(`{"message":"welcome"}`)
				})
			}},
		{Name: "enrolled-already", Shows: "the device is enrolled already and asks no server: Windows shows 0x8018000a", Sources: []string{"https://github.com/fleetdm/fleet/issues/29042", "https://github.com/fleetdm/fleet/issues/33985"}, Explain: "0x8018000a",
			LookAt: "nothing in the server: unenroll the device from the earlier MDM first. A migration has to wait until that is done",
			Reach:  atEnrollment, Enrolls: true, Again: true, Seen: shown("0x8018000a")},
		{Name: "fault-200", Shows: "a SOAP fault travels with HTTP 200, and Windows shows 0x801900c8 in place of its code", Sources: []string{"https://github.com/fleetdm/fleet/issues/42144", "https://github.com/fleetdm/fleet/issues/46388"}, Explain: "0x801900c8",
			LookAt: "send faults with HTTP 500, or 400 (here the embedded server does not)", Scenarios: []string{"ENR-59"}, Reach: atEnrollment, Enrolls: true, Seen: shown("0x801900c8"),
			Break: func(t *mdmserver.Tamper) {
				mutants.EnrPolicyLies.Break(t)
				mutants.EnrFault200.Break(t)
			}},
		{Name: "renewal-open", Shows: "the certificate is issued with its renewal window open: the device renews it at once", Sources: []string{"https://github.com/fleetdm/fleet/issues/52601", "https://github.com/fleetdm/fleet/issues/52492"},
			LookAt: "NotAfter less RenewPeriod must lie in the future: do not backdate NotBefore together with NotAfter (here the embedded server does)", Scenarios: []string{"ENR-81"}, Reach: atEnrollment,
			Break: func(t *mdmserver.Tamper) {
				t.Certify = append(t.Certify, func(c *mdmserver.Certification) {
					if c.Request != nil && !c.Request.Renewal {
						now := time.Now()
						c.Template.NotBefore, c.Template.NotAfter = now.AddDate(0, 0, -180), now.AddDate(0, 0, 59) // RenewPeriod is 60
					}
				})
			},
			Seen: func(s *Seen) bool {
				if due, ok := s.Device.Next(); ok && due.What == "certificate" && !due.At.After(time.Now()) {
					return true
				}
				return slices.ContainsFunc(s.Device.EnrollExchanges(), func(x *dmclient.Exchange) bool { return bytes.Contains(x.Request, []byte("/Renew</")) })
			}},
		{Name: "request-version", Shows: "the server does not know the device's RequestVersion (9.0): Windows shows 0x80180006", Sources: []string{"https://github.com/fleetdm/fleet/issues/49329", "https://github.com/fleetdm/fleet/issues/31690"}, Explain: "0x80180006",
			LookAt: "take every RequestVersion from 4.0 up, and answer with the newest EnrollmentVersion that you know (here the embedded server knows 4.0 to 7.0)", Scenarios: []string{"ENR-41"},
			Profile: "win11-25h2", Reach: atEnrollment, Enrolls: true, Seen: shown("0x80180006"), Break: versionsUpTo7},
		{Name: "enroll-policy-lies", Shows: "Discover says OnPremise, and the user's UsernameToken is refused", Sources: []string{"https://github.com/fleetdm/fleet/issues/46387"},
			LookAt: "let the policy and the enrollment service accept what Discover advertises (here the embedded server does not)", Reach: atEnrollment, Mutant: mutants.EnrPolicyLies, Enrolls: true,
			Seen: func(s *Seen) bool {
				e, ok := enrollError(s.Enrolled)
				return ok && e.Refused()
			}},
		{Name: "poll-every-minute", Shows: "a device polls every minute forever, alongside push", Sources: []string{"https://github.com/fleetdm/fleet/issues/46481"},
			LookAt: "push is for urgent work: let devices poll every few hours (here the embedded server does not)", Reach: atEnrollment, Mutant: mutants.EnrPollMinute,
			Seen: func(s *Seen) bool {
				v, _ := s.Device.Tree().Look(dmclient.ProviderURI(s.Device.Provider()) + "/Poll/IntervalForRemainingScheduledRetries")
				return v == "1"
			}},
		{Name: "tenant-accepted", Shows: "a device with a token from another tenant is enrolled", Sources: []string{"https://nvd.nist.gov/vuln/detail/CVE-2026-24899", "https://github.com/advisories/GHSA-ffg9-j72f-j6xm"},
			LookAt: "check tid and issuer of the token (here the embedded server does not)", Reach: atEnrollment, Setup: "entra", Mutant: mutants.SecJWTTid, Token: entra.WrongTenant, Enrolls: true,
			Seen: func(s *Seen) bool { return s.Enrolled == nil && s.Device.Provisioning() != nil }},
	}
}

// discovered lets f change the answer to every Discover.
func discovered(t *mdmserver.Tamper, f func(*hook.Exchange)) {
	hook.After(t, http.MethodPost, mdmserver.DiscoveryPath, f)
}

// versionsUpTo7 refuses a RequestVersion of more than 7.0 as a server with a fixed list
// does: by a fault that says no more than InternalServiceFault.
func versionsUpTo7(t *mdmserver.Tamper) {
	discovered(t, func(x *hook.Exchange) {
		e, err := enroll.ReadEnvelope(x.In)
		if err != nil {
			return
		}
		r, err := e.DiscoverRequest()
		if err != nil {
			return
		}
		if v, err := strconv.ParseFloat(r.RequestVersion, 64); err == nil && v <= 7 {
			return
		}
		f := enroll.Fault{Code: "Receiver", Subcode: "InternalServiceFault", Reason: "RequestVersion " + strconv.Quote(r.RequestVersion) + " is not supported"}
		if reply, err := f.Write(e.MessageID, uuid.NewString()); err == nil {
			x.Status, x.Reply = http.StatusInternalServerError, reply
		}
	})
}
