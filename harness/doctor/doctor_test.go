package doctor

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// TestExamine: a sound server passes every step. For a broken server or
// configuration, doctor names the first problem and its fix, and does not try the
// later steps.
func TestExamine(t *testing.T) {
	for name, c := range map[string]struct {
		mutant  *mutants.Mutant
		variant *variants.Variant
		edit    func(*lab.Lab)
		step    string // the step that is Bad or Note
		state   State
		saw     string
		do      string
		reach   bool
	}{
		"sound":  {step: "push", state: OK, saw: "the device woke up"},
		"no PFN": {mutant: mutants.PfnNever, step: "PFN", state: Note, saw: "set no PFN in 2 sessions", do: "target.push: none"},
		"PFN with upper case": {mutant: mutants.PfnUpperCase, edit: profile("wp81"), step: "PFN", state: Bad,
			saw: "the device (wp81) answered Add of the PFN 52314PUBLISHER.TESTWNS_T6E9VSYJKRW9W with 500, so it has no channel: the PFN is not in lower case (500 means: The command failed.", do: "send 52314publisher.testwns_t6e9vsyjkrw9w; dmwake explain syncml 500"},
		"PFN without Push":        {mutant: mutants.PfnNoPushNode, edit: profile("wp81"), step: "PFN", state: Bad, saw: "with 500, so it has no channel: the server did not add .../Push before it", do: "send Add of .../Push"},
		"PFN of another provider": {mutant: mutants.PfnWrongProvider, step: "PFN", state: Bad, saw: `names the provider "MS%20DM%20Server", and the device enrolled with "dmwake MDM"`, do: "PROVIDER-ID"},
		"PFN that is a full name": {mutant: mutants.PfnFullName, step: "PFN", state: Bad, saw: "its Push/Status is 1: the PFN is wrong: a package full name; the family name is", do: "dmwake explain push-status 1"},
		"PFN with Format int":     {mutant: mutants.PfnFormatInt, step: "PFN", state: Bad, saw: `with 415, so it has no channel: Meta/Format is "int"`, do: "Format chr"},
		"channel not asked for":   {mutant: mutants.PfnChannelNever, step: "PFN", state: Bad, saw: "the device has a channel, but the server did not ask for its URI", do: "PFN-09"},
		"a desktop with pfn-errors": {edit: func(l *lab.Lab) {
			l.Config.Target.Quirks = []string{"pfn-errors"}
		}, step: "PFN", state: OK, saw: "and the device has a channel"},
		"another PFN":               {mutant: mutants.PfnPerDevice, step: "PFN", state: Bad, saw: "the fake WNS knows", do: "wns.app"},
		"first session":             {mutant: mutants.SesFirst500, step: "session", state: Bad, saw: "500", do: "dmwake test --area SES"},
		"enrollment":                {mutant: mutants.EnrPolicyLies, step: "enrollment", state: Bad, saw: "Authentication", do: "target.username", reach: true},
		"password, fault-lower":     {variant: variants.FaultLower, edit: wrongPassword, step: "enrollment", state: Bad, saw: "the server refused: Authentication: the user name or the password is wrong", do: "target.password", reach: true},
		"password, fault-soap11":    {variant: variants.FaultSOAP11, edit: wrongPassword, step: "enrollment", state: Bad, saw: "the server refused: Authentication: the user name or the password is wrong", do: "target.password", reach: true},
		"password, fault-no-detail": {variant: variants.FaultNoDetail, edit: wrongPassword, step: "enrollment", state: Bad, saw: "the server refused: Authentication: the user name or the password is wrong", do: "target.password", reach: true},
		"password, fault-400":       {variant: variants.Fault400, edit: wrongPassword, step: "enrollment", state: Bad, saw: "the server refused: Authentication: the user name or the password is wrong", do: "target.password", reach: true},
		"wrong path":                {edit: func(l *lab.Lab) { l.Config.Target.Discovery += "x" }, step: "discovery", state: Bad, saw: "404", do: "the path of target.discovery", reach: true},
		"name":                      {edit: func(l *lab.Lab) { l.Config.Target.Discovery = "https://no-such-host.invalid/D.svc" }, step: "name", state: Bad, saw: "does not resolve", do: "target.connect", reach: true},
		"nobody there":              {edit: func(l *lab.Lab) { l.Config.Target.Discovery = "https://127.0.0.1:9/D.svc" }, step: "connection", state: Bad, saw: "nothing listens", do: "start the server", reach: true},
		"queue hook":                {edit: hook(func(h *target.Hooks) { h.Queue.HTTP.URL += "/nowhere" }), step: "queue hook", state: Bad, saw: "404", do: "by hand"},
		"queue of another":          {edit: hook(func(h *target.Hooks) { h.Queue = &target.Hook{Exec: []string{"true"}} }), step: "queue hook", state: Bad, saw: "did not bring the queued Get", do: "identifies the device as the server does"},
		"push goes astray": {edit: func(l *lab.Lab) {
			hook(func(h *target.Hooks) { h.Push = &target.Hook{Exec: []string{"true"}} })(l)
			l.Config.Timeouts.Push = 300e6
		}, step: "push", state: Bad, saw: "nothing reached the fake WNS", do: "token endpoint"},
		"WNS refuses": {edit: func(l *lab.Lab) {
			l.WNS.Inject(fakewns.Fault{Name: "no", On: fakewns.Notification, Status: 403})
			l.Config.Timeouts.Push = 1e9
		}, step: "push", state: Bad, saw: "403", do: "dmwake explain wns 403"},
		"CSR refused":        {mutant: mutants.EnrStrictCSR, step: "enrollment", state: Stops, saw: "refuses the CSR as Windows encodes it", do: "a real Windows does not enroll"},
		"policies refused":   {mutant: mutants.EnrPoliciesPanic, step: "enrollment", state: Stops, saw: "fails at GetPolicies", do: "a real Windows does not enroll"},
		"policies malformed": {mutant: mutants.EnrPoliciesUnbound, step: "enrollment", state: Stops, saw: "not well-formed", do: "ENR-08"},
		"endless session":    {mutant: mutants.SesEndless, step: "session", state: Stops, saw: "did not end after 50 messages", do: "SES-14"},
		"push none":          {edit: func(l *lab.Lab) { l.Config.Target.Push = "none" }, step: "PFN", state: Note, saw: "but the server sets the PFN", do: "remove target.push"},
		"push none, PFN that is a full name": {mutant: mutants.PfnFullName, edit: func(l *lab.Lab) { l.Config.Target.Push = "none" }, step: "PFN", state: Note,
			saw: "which is wrong: a package full name; the family name is", do: "PFN-04 judges it"},
		"version refused": {variant: variants.Version6, edit: func(l *lab.Lab) { l.Config.Target.Profiles = []string{"win11-25h2"} }, step: "discovery", state: Bad,
			saw: "RequestVersion 9.0 is not supported", do: "set target.profiles to an older Windows", reach: true},
		"no fault but a page": {edit: func(l *lab.Lab) {
			l.Config.Target.Discovery = strings.Replace(l.Config.Target.Discovery, mdmserver.DiscoveryPath, "/EnrollmentServer/Help", 1)
		}, step: "discovery", state: Bad, saw: "", do: "path of target.discovery", reach: true},
		"no hooks":    {edit: hook(func(h *target.Hooks) { *h = target.Hooks{} }), step: "queue hook", state: Note, saw: "none", do: "target.hooks.queue"},
		"active hook": {edit: hook(func(h *target.Hooks) { h.Active = &target.Hook{Exec: []string{"echo", "others"}} }), step: "other hooks", state: Bad, saw: "does not print", do: "DeviceIDs"},
		"link hook": {edit: hook(func(h *target.Hooks) { h.Link = &target.Hook{Exec: []string{"true"}} }), step: "other hooks", state: Bad,
			saw: "no Exec of LinkedEnrollment/Enroll", do: "19042"},
		"link hook that fails": {edit: hook(func(h *target.Hooks) { h.Link = &target.Hook{Exec: []string{"false"}} }), step: "other hooks", state: Bad, saw: "link", do: "by hand"},
		"link hook that links": {variant: variants.Linked, edit: hook(func(h *target.Hooks) { h.Link = &target.Hook{Exec: []string{"true"}} }), step: "other hooks", state: OK,
			saw: "unenroll, restart, link"},
		"shared": {edit: func(l *lab.Lab) { l.Config.Target.SharedDevice = true }, step: "enrollment", state: OK, saw: "which all scenarios share"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := lab.Options{Seed: 1}
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
			if c.edit != nil {
				c.edit(l)
			}
			bad, seen := false, false
			Examine(t.Context(), l, func(f Finding) {
				if bad && f.State != Untold {
					t.Errorf("%s was tried after something was wrong: %+v", f.Step, f)
				}
				bad = bad || f.State == Bad
				if f.State != OK && f.State != Untold && f.Do == "" {
					t.Errorf("%s does not say what to do: %+v", f.Step, f)
				}
				if f.Step != c.step || f.State != c.state {
					if f.State == Bad {
						t.Errorf("%+v", f)
					}
					return
				}
				seen = true
				if !strings.Contains(f.Saw, c.saw) || !strings.Contains(f.Do, c.do) || f.Reach != c.reach {
					t.Errorf("%+v, want %q and %q, reach %v", f, c.saw, c.do, c.reach)
				}
			})
			if !seen {
				t.Errorf("%s was not %s", c.step, c.state)
			}
		})
	}
}

func wrongPassword(l *lab.Lab) { l.Config.Target.Password = target.NewSecret("not this one") }

func profile(name string) func(*lab.Lab) {
	return func(l *lab.Lab) { l.Config.Target.Profiles = []string{name} }
}

func hook(edit func(*target.Hooks)) func(*lab.Lab) {
	return func(l *lab.Lab) { edit(&l.Config.Target.Hooks) }
}
