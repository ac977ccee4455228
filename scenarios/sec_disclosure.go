package scenarios

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/url"
	"regexp"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// disclosure are the SEC scenarios about information leaks.
var disclosure = []Scenario{
	{ID: "SEC-11", Level: report.Must, Needs: []Need{NeedWork}, Title: "no device sees another device's answers",
		Rule:    "Results of device A, its name and its work never appear in a message to device B.",
		Source:  "CWE-200; CWE-488",
		Fix:     "Select results by the device that sent them.",
		Mutants: []*mutants.Mutant{mutants.SecLeak, mutants.PshWrongDevice},
		Run: func(t *T) {
			a := t.DeviceWith(func(c *dmclient.Config) { c.Identity.Name = "dmwake-" + c.Identity.DeviceID })
			a.MustEnroll()
			a.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
			b := t.Enrolled()
			b.First()
			w := t.Work()
			name := lab.Command{Verb: syncml.Get, LocURI: "./DevDetail/Ext/Microsoft/DeviceName"}
			if t.QueueTakes(name) {
				t.Queue(a, name)
				s := t.Managed(a.Sync(dmclient.SyncOptions{}))
				if got := s.Find(syncml.Get, "/DeviceName"); len(got) == 0 || got[0].Result != a.Identity().Name {
					t.Blocked(suite.By(suite.Delivers), "the queued Get of device A's name was not sent")
				}
			}
			w.Give(a)
			all := w.ForAll()
			if all != "" {
				t.Evidence("%s", all)
			}
			for range 2 {
				s := t.Managed(b.Sync(dmclient.SyncOptions{}))
				t.Check(all != "" || w.Times(s) == 0, "no work of device A in a session of device B", w.Served(s))
			}
			if w.Bringing(a, a.SessionCount()) == nil {
				t.Blocked(suite.By(suite.Delivers), "%s did not arrive at device A", w)
			}
			t.Managed(b.Sync(dmclient.SyncOptions{}))
			for _, s := range b.Sessions() {
				for i, ex := range s.Exchanges {
					t.Check(!bytes.Contains(ex.Response, []byte(a.Identity().DeviceID)), "messages to device B contain nothing from device A",
						fmt.Sprintf("device A's name or id in message %d of session %s", i+1, s.ID))
				}
			}
		}},
	{ID: "SEC-13", Level: report.Should, Stranger: true, Title: "TLS 1.2 or later, no weak ciphers",
		Rule:    "The management server and the enrollment services offer no TLS before 1.2, and no RC4 or 3DES.",
		Source:  "RFC 8996; RFC 9325 section 4; MS-MDE2 5.1",
		Fix:     "Set the minimum TLS version to 1.2, and disable RC4 and 3DES.",
		Mutants: []*mutants.Mutant{mutants.SecTLS, mutants.SecRC4},
		Run:     weakTLS,
	},
	{ID: "SEC-15", Level: report.Should, Title: "errors reveal no internals",
		Rule:    "The answer to broken input contains no stack trace and no path of a source file.",
		Source:  "CWE-209",
		Fix:     "Answer errors with a fixed text, and log the details.",
		Mutants: []*mutants.Mutant{mutants.SecTrace},
		Run: func(t *T) {
			tryInputs(t, func(d *Device, what, body string) {
				ex := d.Post(what, syncml.MediaType, body, dmclient.SyncOptions{})
				if ex.Err != nil {
					t.Blocked(suite.By("ROB-01"), "%s", unanswered(t, ex.Err))
				}
				t.Check(!inside.Match(ex.Response), "no stack trace and no path of a source file in the answer to broken input", excerpt(ex.Response))
			}, notSyncML()[1:4]...)
		}},
}

// inside matches stack traces of common languages.
var inside = regexp.MustCompile(`goroutine \d+ \[|[\w/]+\.go:\d+|Traceback \(most recent|File "[^"]+", line \d+|\bat [\w.$]+\([\w.]+:\d+\)|\.cs:line \d+|\bin /[\w/]+\.php|/node_modules/`)

// weakTLS offers versions and ciphers that no server of a device may accept.
func weakTLS(t *T) {
	d := t.Device()
	servers := [][2]string{{"discovery", t.Lab.Config.Target.DiscoveryURL()}}
	if err := d.Enroll(); err == nil {
		r := d.Discovered()
		servers = [][2]string{{"management", d.Address()}, servers[0], {"policy", r.PolicyURL}, {"enrollment", r.EnrollmentURL}}
	}
	seen := map[string]bool{}
	for _, s := range servers {
		u, err := url.Parse(s[1])
		if err != nil || u.Host == "" || seen[u.Host] {
			continue
		}
		seen[u.Host] = true
		offers(t, s[0], s[1])
	}
}

// offers tries weak versions and ciphers at one server.
func offers(t *T, server, at string) {
	reaches := func() error {
		_, err := t.Lab.TLS(t.Context(), at, tls.VersionTLS13)
		return err
	}
	if err := reaches(); err != nil {
		ours(t, err)
		t.Blocked(append(suite.By(suite.Talks, suite.Enrolls), "ENR-05", "ENR-08"), "no TLS connection to the %s server: %v", server, err)
	}
	for _, in := range []struct {
		what     string
		version  uint16
		suites   []uint16
		accepted func(*tls.ConnectionState) string
	}{
		{"TLS 1.0 or 1.1", tls.VersionTLS11, nil, func(s *tls.ConnectionState) string { return tls.VersionName(s.Version) }},
		{"RC4", tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}, cipher},
		{"3DES", tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA}, cipher},
	} {
		t.Try(in.what+" at the "+server+" server", func() {
			state, err := t.Lab.TLS(t.Context(), at, in.version, in.suites...)
			switch {
			case err == nil:
				t.Fail("old versions and weak ciphers are refused", "accepted by the "+server+" server: "+in.accepted(state))
			case reaches() != nil:
				t.Error("TLS connections to the %s server no longer work: %v", server, err)
			}
			t.Evidence("%s, %s: %v", server, in.what, err)
		})
	}
}

func cipher(s *tls.ConnectionState) string { return tls.CipherSuiteName(s.CipherSuite) }
