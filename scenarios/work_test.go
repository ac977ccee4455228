package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// profiles are the hooks of a server that takes no commands: an administrator can
// only apply its profile.
func profiles(admin string) target.Hooks {
	h := lab.ReferenceHooks(admin)
	h.Queue = nil
	h.Work = &target.Hook{HTTP: &target.HTTPHook{URL: admin + "/devices/{{.DeviceID}}/profile", Body: `{"revision":{{.N}}}`}}
	return h
}

// TestWorkFindsMutants: what is wrong with the delivery of work is found with any
// work that a server can give, without an API for commands.
func TestWorkFindsMutants(t *testing.T) {
	for _, c := range []struct {
		mutant *mutants.Mutant
		by     string // scenarios that must find it
	}{
		{mutants.PshNever, "PSH-01"},
		{mutants.PshSkipSession, "PSH-01,SES-44"},
		{mutants.PshTwice, "PSH-02,PSH-04"},
		{mutants.PshForget, "PSH-05,PSH-06"},
		{mutants.PshSentDone, "PSH-13,ERR-14"},
		{mutants.PshSlow, "PSH-14"},
		{mutants.PshOrigin, "PSH-15"},
		{mutants.PshWrongDevice, "SEC-11"},
		{mutants.WerDroppedDone, "WER-12"},
		{mutants.WerDownDead, "WER-17"},
		{mutants.SesFirstStatus, "PSH-04"},
		{mutants.Ses404Stalls, "SES-18"},
		{mutants.Ses202Fails, "SES-20"},
		{mutants.Ses202Again, "SES-20"},
		{mutants.Ses1226Fails, "SES-20"},
		{mutants.Ses405Loop, "SES-22"},
		{mutants.SesPartCommands, "SES-45"},
		{mutants.SesCmdIDRepeated, "SES-12"},
		{mutants.ErrCmdForever, "ERR-07,ERR-10"},
		{mutants.ErrCmdFails, "ERR-18"},
		{mutants.ErrEmptyCmdRef, "ERR-11"},
		{mutants.Err215Fails, "ERR-12"},
		{mutants.Err599Panics, "ERR-13"},
		{mutants.Err507Fails, "ERR-08"},
		{mutants.ErrAtomicNested, "ERR-09"},
		{mutants.Err517Fails, "ERR-19"},
		{mutants.ErrTargetRefAgain, "ERR-20"},
		{mutants.ErrLateStalls, "ERR-23"},
		{mutants.ErrNeverStalls, "ERR-24"},
		{mutants.ErrUnenrollRefused, "ERR-25"},
		{mutants.RobRestart, "ROB-11"},
		{mutants.SecNoCert, "SEC-01"},
		{mutants.SecAnyCA, "SEC-02"},
		{mutants.SecSource, "SEC-03"},
	} {
		t.Run(c.mutant.Name, func(t *testing.T) {
			t.Parallel()
			s := foreign{push: true, hooks: profiles, broken: []*mutants.Mutant{c.mutant}}
			if slices.Contains([]string{"ERR-08", "ERR-09", "ERR-19"}, c.by) {
				s.variants = []*variants.Variant{variants.Atomic}
			}
			if c.mutant == mutants.PshSlow {
				s.latency = 2 * time.Second // less than it is late
			}
			s.mustFail(t, c.by)
		})
	}
}

// mustFail runs scenarios against the server; each must find something.
func (s foreign) mustFail(t *testing.T, ids string) {
	t.Helper()
	all, l := All(), s.start(t)
	for _, id := range strings.Split(ids, ",") {
		r, err := suite.Run(t.Context(), l, &all[slices.IndexFunc(all, func(s Scenario) bool { return s.ID == id })])
		if !r.Broken() {
			t.Errorf("%s: %s %s %v, want it to fail", id, r.Outcome, r.Reason, err)
		}
		if r.Outcome == report.Failed && r.Saw == "" {
			t.Errorf("%s fails without saying what it saw", id)
		}
	}
}

// TestPollingFindsMutants: without push, wipe and work are judged by polling.
func TestPollingFindsMutants(t *testing.T) {
	execs := func(admin string) target.Hooks {
		h := lab.ReferenceHooks(admin)
		h.Queue.Verbs = []string{"Exec"}
		return h
	}
	for _, c := range []struct {
		mutant *mutants.Mutant
		hooks  func(admin string) target.Hooks
		by     string
	}{
		{mutants.PshSkipSession, profiles, "SES-44"},
		{mutants.PshTwice, profiles, "PSH-04"},
		{mutants.PshSentDone, profiles, "PSH-13,ERR-14"},
		{mutants.PshOrigin, profiles, "PSH-15"},
		{mutants.Ses404Stalls, profiles, "SES-18"},
		{mutants.ErrCmdForever, profiles, "ERR-07"},
		{mutants.PshWrongDevice, profiles, "SEC-11"},
		{mutants.PshCutData, lab.ReferenceHooks, "PSH-09"},
		{mutants.Ses202Again, lab.ReferenceHooks, "PSH-10,SES-20"},
		{mutants.PshScope, lab.ReferenceHooks, "PSH-12"},
		{mutants.PshWipeActive, lab.ReferenceHooks, "PSH-07"},
		{mutants.PshExecReplace, execs, "PSH-07"},
		{mutants.EnrRenewRefused, execs, "PSH-11"},
		{mutants.PshSentDone, execs, "PSH-13,ERR-14"},
		{mutants.SesMaxSize, execs, "SES-27"},
	} {
		t.Run(c.mutant.Name, func(t *testing.T) {
			t.Parallel()
			foreign{broken: []*mutants.Mutant{c.mutant}, hooks: func(admin string) target.Hooks {
				h := c.hooks(admin)
				h.Push = nil
				return h
			}}.mustFail(t, c.by)
		})
	}
}

// TestWorkOnOneDevice: a server with a single test device gives it work, too.
func TestWorkOnOneDevice(t *testing.T) {
	t.Parallel()
	l := foreign{shared: true, hooks: func(admin string) target.Hooks {
		h := profiles(admin)
		h.Push = nil
		return h
	}}.start(t)
	list, err := Select([]string{"SES-44", "SES-18", "ERR-07", "PSH-04", "PSH-13"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range suite.Collect(t.Context(), l, list, suite.Options{Catalogue: All()}).Results {
		if r.Outcome != report.Passed {
			t.Errorf("%s: %s %s %s", r.ID, r.Outcome, r.Reason, r.Saw)
		}
	}
}

// TestWorkComesLate: a server may need a while to get the work ready.
func TestWorkComesLate(t *testing.T) {
	t.Parallel()
	l := foreign{late: 1500 * time.Millisecond, hooks: func(admin string) target.Hooks {
		h := profiles(admin)
		h.Push = nil
		return h
	}}.start(t)
	list, err := Select([]string{"SES-44", "SES-18", "ERR-07", "ERR-14", "PSH-04", "PSH-13", "SEC-03"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range suite.Collect(t.Context(), l, list, suite.Options{Parallel: len(list), Catalogue: All()}).Results {
		if r.Outcome != report.Passed {
			t.Errorf("%s: %s %s %s", r.ID, r.Outcome, r.Reason, r.Saw)
		}
	}
}

// undecided are the scenarios without a verdict, apart from the rules of push on a
// server without it.
func undecided(results []report.Result) (out []report.Result) {
	for _, r := range results {
		switch r.Outcome {
		case report.Passed, report.Failed, report.Warned:
			continue
		}
		if !strings.Contains(r.Reason, "target.push: none") {
			out = append(out, r)
		}
	}
	return out
}

// hooksOf changes the hooks of the reference server.
func hooksOf(edit func(h *target.Hooks, admin string)) func(string) target.Hooks {
	return func(admin string) target.Hooks {
		h := lab.ReferenceHooks(admin)
		edit(&h, admin)
		return h
	}
}

// TestWorkDecides: a server without push or without an API for commands leaves few
// scenarios undecided that push and a queue decide, as long as it can give work at all.
// A lawful server passes all others, whatever its work looks like.
func TestWorkDecides(t *testing.T) {
	t.Parallel()
	const most = 25
	noPush := func(of func(string) target.Hooks) func(string) target.Hooks {
		return func(admin string) target.Hooks {
			h := of(admin)
			h.Push = nil
			return h
		}
	}
	execOnly := hooksOf(func(h *target.Hooks, _ string) { h.Queue.Verbs = []string{"Exec"} })
	type server struct {
		name string
		foreign
	}
	// What work has no part in is the same on all of them.
	var concerned []Scenario
	for _, s := range All() {
		if !slices.Contains([]string{"ENR", "PFN", "CHN", "TOK", "WNS"}, s.Area()) && (s.Area() != "WER" || slices.Contains(s.Needs, NeedWork)) {
			concerned = append(concerned, s)
		}
	}
	unused := map[string]bool{} // what the reference server does not do, such as digests
	full := foreign{push: true, hooks: lab.ReferenceHooks}.start(t)
	for _, r := range undecided(suite.Collect(t.Context(), full, All(), suite.Options{Parallel: 8, NoEnroll: full.Preflight(t.Context())}).Results) {
		unused[r.ID] = true
	}
	servers := []server{
		{"a queue, no push", foreign{hooks: noPush(lab.ReferenceHooks)}},
		{"a profile, no push", foreign{hooks: noPush(profiles)}},
		{"a profile and push", foreign{push: true, hooks: profiles}},
		{"a queue of Exec", foreign{push: true, variants: []*variants.Variant{variants.QueueExec}, hooks: execOnly}},
		{"a queue of Exec, no push", foreign{variants: []*variants.Variant{variants.QueueExec}, hooks: noPush(execOnly)}},
		{"a profile in one Atomic", foreign{push: true, variants: []*variants.Variant{variants.Atomic}, hooks: profiles}},
		{"a profile in base64", foreign{push: true, variants: []*variants.Variant{variants.ProfileExec}, hooks: profiles}},
		{"an inventory in every session", foreign{push: true, variants: []*variants.Variant{variants.InventoryTogether, variants.OneAMessage}, hooks: profiles}},
		{"an inventory once, five commands a session", foreign{variants: []*variants.Variant{variants.InventoryOnce, variants.FiveASession, variants.Sequence}, hooks: noPush(profiles)}},
		{"work that pushes by itself", foreign{push: true, variants: []*variants.Variant{variants.PushItself}, hooks: hooksOf(func(h *target.Hooks, admin string) {
			*h = profiles(admin)
			h.Push = nil
		})}},
	}
	if !*allVariants { // make variants runs all of them
		servers = sampled([]server{servers[6], servers[0], servers[3], servers[9]})
	}
	besides(servers, func(_ int, s server) {
		l, list := s.start(t), All()
		if s.push && s.variants != nil {
			list = concerned
		}
		out := suite.Collect(t.Context(), l, list, suite.Options{Parallel: 8, Catalogue: All(), NoEnroll: l.Preflight(t.Context())})
		for _, r := range out.Results {
			if r.Broken() || r.Outcome == report.Errored || r.Outcome == report.Blocked {
				t.Errorf("%s: %s %s: expected %s, saw %s %s", s.name, r.ID, r.Outcome, r.Expected, r.Saw, r.Reason)
			}
		}
		if len(out.Hooks) > 0 {
			t.Errorf("%s: hooks failed: %s", s.name, out.Hooks)
		}
		open := slices.DeleteFunc(undecided(out.Results), func(r report.Result) bool { return unused[r.ID] })
		t.Logf("%s: %d undecided", s.name, len(open))
		if len(open) > most {
			for _, r := range open {
				t.Errorf("%s: %s %s %s", s.name, r.ID, r.Outcome, r.Reason)
			}
		}
	})
}

// TestWorkBehindThePFN: work that a server drops because it cannot push is blocked by
// what is wrong with its PFN, and not for want of a hook.
func TestWorkBehindThePFN(t *testing.T) {
	l := foreign{push: true, broken: []*mutants.Mutant{mutants.PfnUpperCase}, hooks: func(admin string) target.Hooks {
		return target.Hooks{Work: &target.Hook{HTTP: &target.HTTPHook{Method: "GET", URL: admin + "/devices"}}}
	}}.start(t)
	l.Config.Target.Profiles = []string{"wp81"}
	l.Config.Timeouts.Push = time.Second
	list, err := Select([]string{"SES-44"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range suite.Collect(t.Context(), l, list, suite.Options{Catalogue: All()}).Results {
		if r.ID == "SES-44" && (r.Outcome != report.Blocked || r.BlockedBy != "PFN-03" || !strings.Contains(r.Reason, "not in lower case")) {
			t.Errorf("%s: %s by %q: %s", r.ID, r.Outcome, r.BlockedBy, r.Reason)
		}
	}
}

// TestBrokenWorkHook: rules about what a server sends do not pass because the hook that
// makes it send something failed.
func TestBrokenWorkHook(t *testing.T) {
	l := foreign{hooks: func(string) target.Hooks {
		return target.Hooks{Work: &target.Hook{Exec: []string{"/dmwake/no/such/program"}}}
	}}.start(t)
	list, err := Select(nil, []string{"CSP"})
	if err != nil {
		t.Fatal(err)
	}
	out := suite.Collect(t.Context(), l, list, suite.Options{Catalogue: All()})
	if len(out.Hooks) == 0 || !strings.Contains(out.Hooks[0], "no/such/program") {
		t.Errorf("hook errors %q", out.Hooks)
	}
	if !slices.ContainsFunc(out.Results, func(r report.Result) bool { return r.Outcome == report.Skipped }) {
		t.Error("all passed, and the work hook never ran")
	}
}

// TestWorkThatIsMissing: a hook that does nothing, or nothing the second time, is told
// with what to do. The server is not blamed.
func TestWorkThatIsMissing(t *testing.T) {
	all := All()
	for _, c := range []struct {
		name, revision, id string
		outcome            report.Outcome
		says               string
	}{
		{"the same each time", "7", "SES-18", report.Skipped, "{{.N}}"},
		{"the same each time, once is enough", "7", "SES-44", report.Passed, ""},
		{"the same each time, once is enough for a refusal", "7", "ERR-07", report.Passed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := foreign{hooks: func(admin string) target.Hooks {
				h := profiles(admin)
				h.Push, h.Work.HTTP.Body = nil, `{"revision":`+c.revision+`}`
				return h
			}}.start(t)
			r, _ := suite.Run(t.Context(), l, &all[slices.IndexFunc(all, func(s Scenario) bool { return s.ID == c.id })])
			if r.Outcome != c.outcome || !strings.Contains(r.Reason, c.says) {
				t.Errorf("%s: %s %s %s", c.id, r.Outcome, r.Reason, r.Saw)
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		l := foreign{hooks: func(admin string) target.Hooks {
			return target.Hooks{Work: &target.Hook{HTTP: &target.HTTPHook{Method: "GET", URL: admin + "/devices"}}}
		}}.start(t)
		for id, want := range map[string]report.Outcome{"SES-44": report.Skipped, "ERR-10": report.Skipped, "SES-11": report.NotApplicable, "SEC-03": report.Passed} {
			r, _ := suite.Run(t.Context(), l, &all[slices.IndexFunc(all, func(s Scenario) bool { return s.ID == id })])
			if r.Outcome != want {
				t.Errorf("%s: %s %s %s", id, r.Outcome, r.Reason, r.Saw)
			}
			if id == "SES-44" && !strings.Contains(r.Reason, "the work hook ran") {
				t.Errorf("%s", r.Reason)
			}
		}
	})
}
