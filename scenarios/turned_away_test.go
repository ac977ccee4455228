package scenarios

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestTurnedAway: whether somebody is let in is told by what he is served, on
// servers that differ lawfully too, and without a queue hook as far as it can be.
func TestTurnedAway(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		mutant  *mutants.Mutant
		variant *variants.Variant
		noQueue bool
		ids     string
		want    report.Outcome
	}{
		{"by its certificate alone", nil, variants.CertOnly, false, "SEC-01,SEC-02,SEC-03,SEC-12", report.Passed},
		{"a fault and HTTP 200", nil, variants.Refusal200, false, "SEC-01,SEC-02,SEC-03,SEC-04,SEC-05,SEC-06,SEC-12,SEC-14", report.Passed},
		{"one command in a message", nil, variants.OneAMessage, false, "SEC-03,SEC-12", report.Passed},
		{"a DOCTYPE and HTTP 500", nil, variants.Doctype500, false, "SEC-09", report.Passed},
		{"without a hook", nil, nil, true, "SEC-01,SEC-02,SEC-03,SEC-04,SEC-06,SEC-12,SEC-14", report.Passed},
		{"anyone, without a hook", mutants.SecNoCert, nil, true, "SEC-01", report.Failed},
		{"a challenge, without a hook", mutants.SecChallengeAny, nil, true, "SEC-01,SEC-02", report.Failed},
		{"one that left, without a hook", mutants.SecUnenrolled, nil, true, "SEC-06", report.Failed},
		{"A's or B's, without a hook", nil, variants.CertOnly, true, "SEC-03", report.Skipped},
		{"work that never comes", mutants.PshSkipSession, variants.CertOnly, false, "SEC-03", report.Blocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := lab.Options{Seed: 1, Keys: sharedKeys}
			if c.mutant != nil {
				o.Mutants = []*mutants.Mutant{c.mutant}
			}
			if c.variant != nil {
				o.Variants = []*variants.Variant{c.variant}
			}
			l, err := lab.Start(nil, o)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			for s := range slices.Values(All()) {
				if !slices.Contains(strings.Split(c.ids, ","), s.ID) {
					continue
				}
				at, err := l.As(s.On)
				if err != nil {
					t.Fatal(err)
				}
				if c.noQueue {
					at.Config.Target.Hooks.Queue = nil
				}
				res, _ := suite.Run(t.Context(), at, &s)
				if res.Outcome != c.want {
					t.Errorf("%s: %s, want %s: %+v", s.ID, res.Outcome, c.want, res)
				}
				if c.want == report.Skipped && !strings.Contains(res.Reason, "target.hooks.queue") {
					t.Errorf("%s does not say what to set: %s", s.ID, res.Reason)
				}
			}
		})
	}
}

// TestNothingAsked: a server that asks for neither a certificate in TLS nor a
// credential fails SEC-01 by that alone, with nothing to queue and nothing that
// it serves. What needs to know who is there is blocked by SEC-01. One that asks
// in TLS takes devices by that.
func TestNothingAsked(t *testing.T) {
	t.Parallel()
	ids := []string{"SEC-01", "SEC-02", "SEC-03", "SEC-05", "SEC-06", "SEC-12", "SEC-14", "SEC-16", "SEC-17", "SES-29", "SES-30", "SES-31", "SES-32", "SES-41"}
	for _, c := range []struct {
		name string
		of   mdmserver.Config
		ask  tls.ClientAuthType
		want map[string]report.Outcome // of the others than SES-29 and the like
		like report.Outcome
		says string
	}{
		{"nothing", mdmserver.Config{Tamper: mutants.Broken(mutants.SecNoCert)}, tls.NoClientCert, map[string]report.Outcome{
			"SEC-01": report.Failed, "SEC-02": report.Blocked, "SEC-03": report.Blocked, "SEC-06": report.Passed, "SEC-12": report.Blocked, "SEC-14": report.NotApplicable,
		}, report.Blocked, "neither a TLS client certificate nor a credential"},
		{"nothing, also of those that left", mdmserver.Config{Tamper: mutants.Broken(mutants.SecNoCert, mutants.SecUnenrolled)}, tls.NoClientCert, map[string]report.Outcome{
			"SEC-01": report.Failed, "SEC-02": report.Blocked, "SEC-03": report.Blocked, "SEC-06": report.Blocked, "SEC-12": report.Blocked, "SEC-14": report.NotApplicable,
		}, report.Blocked, "neither a TLS client certificate nor a credential"},
		{"a certificate", mdmserver.Config{}, tls.RequestClientCert, map[string]report.Outcome{
			"SEC-01": report.Passed, "SEC-02": report.Passed, "SEC-03": report.Passed, "SEC-06": report.Passed, "SEC-12": report.Passed, "SEC-14": report.NotApplicable,
		}, report.NotApplicable, "identifies devices by their TLS client certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := behind(t, c.of, c.ask, func(h http.Handler) http.HandlerFunc { return h.ServeHTTP })
			list, err := Select(ids, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range suite.Collect(t.Context(), l, list, suite.Options{Parallel: 4, Catalogue: All()}).Results {
				want, other := c.want[r.ID]
				if !other {
					want = c.like
				}
				if r.Outcome != want || r.Outcome == report.Blocked && r.BlockedBy != "SEC-01" {
					t.Errorf("%s: %s by %q, want %s: %s %s", r.ID, r.Outcome, r.BlockedBy, want, r.Reason, r.Saw)
				}
				if !other && !strings.Contains(r.Reason, c.says) {
					t.Errorf("%s does not say why: %s", r.ID, r.Reason)
				}
			}
		})
	}
}

// TestRefusal: the forms in which servers turn callers away.
func TestRefusal(t *testing.T) {
	message := func(code string, commands string) []byte {
		return []byte(`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>a</LocURI></Target><Source><LocURI>b</LocURI></Source></SyncHdr><SyncBody><Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>` +
			code + `</Data></Status>` + commands + `<Final/></SyncBody></SyncML>`)
	}
	const get = `<Get><CmdID>2</CmdID><Item><Target><LocURI>./DevInfo/Lang</LocURI></Target></Item></Get>`
	failed := func(err error) *dmclient.Exchange {
		return &dmclient.Exchange{Err: &url.Error{Op: "Post", URL: "https://mdm.example", Err: err}}
	}
	answer := func(status int, body []byte) *dmclient.Exchange {
		return &dmclient.Exchange{Status: status, Reply: http.Header{"Content-Type": {syncml.MediaType}}, Response: body}
	}
	for _, c := range []struct {
		ex      *dmclient.Exchange
		refused bool
		says    string
	}{
		{answer(403, nil), true, "HTTP status 403 and an empty body"},
		{answer(401, []byte("who are you?")), true, "HTTP status 401: who are you?"},
		{answer(302, nil), true, "HTTP status 302"},
		{answer(200, message("401", "")), true, "Status 401 for SyncHdr and no command"},
		{answer(200, message("407", "")), true, "Status 407"},
		{answer(200, message("200", "")), false, "Status 200 for SyncHdr and no command"},
		{answer(200, message("200", get)), false, "a command: Get ./DevInfo/Lang"},
		{answer(200, message("401", get)), false, "Status 401 for SyncHdr, and a command: Get ./DevInfo/Lang"},
		{answer(200, []byte("<fault>not enrolled</fault>")), true, "not enrolled"},
		{answer(500, []byte("<s:Fault>not enrolled</s:Fault>")), true, "not enrolled"},
		{answer(200, nil), false, "an empty body"},
		{answer(500, []byte("oops")), false, "the handler crashed"},
		{answer(502, []byte("oops")), false, "HTTP status 502: the server, or a gateway for it"},
		{failed(&dmclient.CrashError{Err: io.EOF}), false, "its handler crashed, or took longer than the server allows (EOF)"},
	} {
		says, refused := refusal(nil, c.ex)
		if refused != c.refused || !strings.Contains(says, c.says) || strings.Contains(says, "Post") {
			t.Errorf("%d %s %v: %q, refused %v", c.ex.Status, c.ex.Response, c.ex.Err, says, refused)
		}
	}
}

// TestFarewell: to be told to unenroll is not to be managed.
func TestFarewell(t *testing.T) {
	command := func(v syncml.Verb, uri string) syncml.Command {
		return syncml.Command{Verb: v, Items: []syncml.Item{{Target: syncml.Loc{LocURI: uri}}}}
	}
	of := func(list ...syncml.Command) *dmclient.Session {
		return &dmclient.Session{Received: []*syncml.Message{{Body: list}}}
	}
	leave, take := command(syncml.Exec, "./Vendor/MSFT/DMClient/Unenroll"), command(syncml.Delete, "./Vendor/MSFT/DMClient/Provider/MDM/Push")
	if got := served(of(take, leave)); len(got) != 0 {
		t.Errorf("a farewell is taken for %v", got)
	}
	if got := served(of(take, leave, command(syncml.Get, "./DevInfo/Lang"))); len(got) != 1 {
		t.Errorf("beside a farewell: %v", got)
	}
	if got := served(of(take)); len(got) != 1 {
		t.Errorf("a Delete: %v", got)
	}
}
