package csp

import (
	"regexp"
	"strconv"
	"strings"
)

// ProviderPath is where DMClient keeps its accounts.
const ProviderPath = "Vendor/MSFT/DMClient/Provider/{ProviderID}"

// dmClient is the CSP of a management account (Learn, "DMClient CSP").
func dmClient() CSP {
	const account = "Provider/{ProviderID}"
	c := CSP{Name: "DMClient", Version: "1.5", Newer: []Release{{Build: 22000, Version: "1.6"}, {Build: 26200, Version: "1.7"}}, lists: everyScope, tree: "dmclient.tree", on: map[string]Handler{
		"Unenroll": {Run: func(c *Call, provider string) int {
			if provider == "" || c.tree.exists(c.tree.schema.locate(Path{DeviceScope, []string{"Vendor", "MSFT", "DMClient", "Provider", provider}})) {
				return unenroll(c, provider)
			}
			return 500 // the account does not exist [model]
		}},
		account + "/Unenroll": {Run: func(c *Call, _ string) int { return unenroll(c, c.Names[0]) }},
		account + "/SyncApplicationVersion": {Write: func(c *Call, v string) int {
			// "major.minor", at most MaxSyncApplicationVersion. Once it is 2.0 or more, it
			// cannot be set back to 1.0 (MS-MDE2 2.2.9.3); the code is a model.
			n, err := strconv.ParseFloat(v, 32)
			if !versionForm.MatchString(v) {
				return 500
			}
			highest, _ := strconv.ParseFloat(c.Host.Fact("MaxSyncVersion"), 32)
			now, _ := strconv.ParseFloat(c.Value("SyncApplicationVersion"), 32)
			if err != nil || n < 1 || n > highest || n < 2 && now >= 2 {
				return 500
			}
			return 200
		}},
		// Of two endless sets only the first counts: the third interval then reads 0
		// (MS-MDE2 2.2.9.3 and Learn, "Invalid poll schedule: two infinite schedules").
		account + "/Poll/IntervalForRemainingScheduledRetries": {Read: func(c *Call) string {
			endless := func(interval, count string, times int) bool {
				return c.number(interval, 0) > 0 && c.number(count, times) == 0
			}
			third := "IntervalForRemainingScheduledRetries"
			if endless(third, "NumberOfRemainingScheduledRetries", 0) &&
				(endless("IntervalForFirstSetOfRetries", "NumberOfFirstRetries", 10) || endless("IntervalForSecondSetOfRetries", "NumberOfSecondRetries", 0)) {
				return "0"
			}
			if v := c.stored(third); v != "" {
				return v
			}
			return "0"
		}},
		// Signed and encrypted messages: no source says what they look like, so the
		// device refuses every mode but 0, "no op" (DDF).
		account + "/EnhancedAppLayerSecurity/SecurityMode": {Write: func(_ *Call, v string) int {
			if strings.TrimSpace(v) != "0" {
				return 406
			}
			return 200
		}},
		account + "/LinkedEnrollment/Enroll":   {Run: linkedEnroll},
		account + "/LinkedEnrollment/Unenroll": {Run: linkedUnenroll},
		account + "/Recovery/InitiateRecovery": {Run: func(c *Call, data string) int {
			if v := strings.TrimSpace(data); v != "" && v != "0" && v != "1" {
				return 500 // which prerequisites must hold: 0 or 1 (DDF)
			}
			c.Host.Effect(Effect{Kind: EffectRecover, At: c.Host.Now()})
			return 200
		}},

		// The core of it all: the server writes the PFN, the device answers with a
		// channel.
		account + "/Push": {Removed: func(c *Call) { c.Host.RemovePush(c.Names[0]) }},
		account + "/Push/PFN": {
			Write:   func(c *Call, v string) int { return c.Host.SetPFN(c, c.Names[0], v) },
			Removed: func(c *Call) { c.Host.RemovePush(c.Names[0]) },
			Locked:  notBefore11,
		},
		account + "/Poll": {Locked: notBefore11},
		account + "/Push/ChannelURI": {Read: func(c *Call) string {
			uri, _ := c.Host.Channel(c.Names[0])
			return uri
		}},
		account + "/Push/Status": {Read: func(c *Call) string {
			_, status := c.Host.Channel(c.Names[0])
			return strconv.Itoa(status)
		}},
	}}
	firstSyncStatus(c.on, account+"/FirstSyncStatus/")
	return c
}

// versionForm is a SyncApplicationVersion (DDF).
var versionForm = regexp.MustCompile(`^(\d\.)?(\d)$`)

// windows11 is the first build of Windows 11.
const windows11 = 22000

// notBefore11 refuses a Delete that the DDF lists and MS-MDE2 2.2.9.3 does not, on builds
// before Windows 11. Which of them follows which is not captured [model].
func notBefore11(c *Call) bool { return c.Verb == Delete && c.tree.schema.opts.Build < windows11 }

func unenroll(c *Call, provider string) int {
	c.Host.Effect(Effect{Kind: EffectUnenroll, Detail: provider, At: c.Host.Now()})
	return 200
}

// dmAcc is the account in OMA-DM terms. The device reads its credentials from here,
// so a server can change them.
func dmAcc() CSP {
	return CSP{Name: "DMAcc", Version: "1.0", Newer: []Release{{Build: 26200, Version: "1.1"}}, tree: "dmacc.tree"}
}
