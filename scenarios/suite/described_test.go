package suite

import (
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestMistakes: the same mistake on many devices is listed once, with its places and
// devices; a remark breaks no rule, and a scenario that passes keeps it.
func TestMistakes(t *testing.T) {
	asks := func(h *Heard, f func(*Described)) {
		list := h.Described()
		for i := range list {
			if strings.HasSuffix(list[i].LocURI, "/Push/ChannelURI") {
				f(&list[i])
			}
		}
	}
	talks := func(t *T) {
		for range 2 {
			t.Enrolled().Sync(dmclient.SyncOptions{})
		}
	}
	list := []Scenario{
		scenario("AAA-01", passes, func(s *Scenario) {
			s.Hears = func(h *Heard) { asks(h, func(d *Described) { h.Mistake(d, "silence", "a word") }) }
		}),
		scenario("AAA-02", passes, func(s *Scenario) {
			s.Hears = func(h *Heard) { asks(h, func(d *Described) { h.Remark(d, "a thought") }) }
		}),
		scenario("AAA-03", passes, func(s *Scenario) {
			s.Hears = func(h *Heard) {
				asks(h, func(d *Described) {
					h.RemarkOn(d, "all channels", "session "+h.ID+", message "+h.Pairs[d.Pair].Got.Hdr.MsgID)
				})
			}
		}),
		scenario("BBB-01", talks),
	}
	out, results := outcomes(t, list, Options{})
	if want := []string{"AAA-01 failed", "AAA-02 passed", "AAA-03 passed", "BBB-01 passed"}; !slices.Equal(out, want) {
		t.Fatalf("%q", out)
	}
	r := results["AAA-01"]
	if r.Expected != "silence" || !strings.Contains(r.Saw, "/Push/ChannelURI: a word, in BBB-01, session 1, MsgID ") || !strings.HasSuffix(r.Saw, "; 4 places in all") || !slices.Equal(r.Under, []string{"BBB-01"}) || len(r.Exchanges) == 0 {
		t.Errorf("%+v", r)
	}
	if len(r.Evidence) != 1 || !strings.Contains(r.Evidence[0], ", CmdID ") || !strings.HasSuffix(r.Evidence[0], "(4 times, to 2 devices)") {
		t.Errorf("evidence %q", r.Evidence)
	}
	if r = results["AAA-02"]; len(r.Evidence) != 1 || !strings.Contains(r.Evidence[0], "a thought (4 times, to 2 devices)") || len(r.Exchanges) != 0 {
		t.Errorf("a remark: %+v", r)
	}
	if r = results["AAA-03"]; len(r.Evidence) != 1 || !strings.HasSuffix(r.Evidence[0], "(4 times, to 2 devices)") {
		t.Errorf("a remark on several commands: %q", r.Evidence)
	}
}

// TestOlderThanDescription: nothing is said about devices older than Windows 10.
func TestOlderThanDescription(t *testing.T) {
	for profile, want := range map[string]bool{"wp81": false, "win11-25h2": true} {
		described := 0
		s := scenario("AAA-01", func(t *T) { t.Enrolled() }, func(s *Scenario) {
			s.Profile, s.Only = profile, true
			s.Hears = func(h *Heard) { described += len(h.Described()) }
		})
		if r, err := Run(t.Context(), newLab(t), &s); err != nil || r.Outcome != report.Passed {
			t.Fatalf("%s: %+v, %v", profile, r, err)
		}
		if described > 0 != want {
			t.Errorf("%s: %d commands", profile, described)
		}
	}
}

// TestAlike: ids and long numbers make no difference between mistakes, names and values do.
func TestAlike(t *testing.T) {
	of := func(uri, saw string) string { return alike("Replace", uri, saw) }
	one := of("./Vendor/MSFT/X/6F7CB29F-1319-4816-B345-0856916EB801/A", "\"1\" is not allowed")
	if one != of("./vendor/msft/x/11111111-2222-3333-4444-555555555555/a", "\"1\" is not allowed") {
		t.Error("two ids are two mistakes")
	}
	if one == of("./Vendor/MSFT/X/6F7CB29F-1319-4816-B345-0856916EB801/B", "\"1\" is not allowed") || one == of("./Vendor/MSFT/X/6F7CB29F-1319-4816-B345-0856916EB801/A", "\"2\" is not allowed") {
		t.Error("two nodes or values are one mistake")
	}
	var k kinds
	for i := range keptMistakes + 10 {
		k.add(strings.Repeat("x", i), "device", breach{})
	}
	if lines := k.lines(); len(k.order) != keptMistakes || lines[len(lines)-1] != "10 more are not listed" {
		t.Errorf("%d kinds are kept", len(k.order))
	}
}

// TestMistakesHideSecrets: the value of a secret node is in no line.
func TestMistakesHideSecrets(t *testing.T) {
	h := &Heard{Session: &dmclient.Session{ID: "1"}, Pairs: []Pair{{Got: &syncml.Message{}}}, ear: newEar()}
	d := Described{Command: &syncml.Command{}, Verb: "Add", LocURI: "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/1/PFXCertPassword"}
	h.Mistake(&d, "another", `"hunter \"2\"" is not allowed`)
	d.LocURI = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength"
	h.Mistake(&d, "another", `"99" is not allowed`)
	lines := h.ear.mistakes.lines()
	if len(lines) != 2 || !strings.HasSuffix(lines[0], ": [redacted] is not allowed") || !strings.HasSuffix(lines[1], `: "99" is not allowed`) {
		t.Errorf("%q", lines)
	}
}

// TestChecksAreRemembered: a command is looked up once; long values are not kept.
func TestChecksAreRemembered(t *testing.T) {
	var k checks
	for range 2 {
		for _, c := range []ddf.Command{{Verb: "Get", LocURI: "./Vendor/MSFT/NoSuch"}, {Verb: "Replace", LocURI: "./DevInfo/Lang", Format: "chr", Data: strings.Repeat("x", keptValue+1)}} {
			if found := k.of(c, ddf.Build{Number: 26100}); len(found) == 0 || k.err != nil {
				t.Errorf("%.40v: %v %v", c, found, k.err)
			}
		}
	}
	if len(k.known) != 1 {
		t.Errorf("%d findings are kept", len(k.known))
	}
}
