// Package doctor checks a configuration step by step against the server it
// describes, and says how to fix the first problem.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// State is the outcome of a step.
type State string

// The states. A step after a failed one is not tried.
const (
	OK     State = "ok"
	Bad    State = "bad"
	Stops  State = "stops" // a real Windows stops here; the simulated device goes on
	Note   State = "note"  // no problem, but less can be tested
	Will   State = "will"  // what comes next, told before it happens
	Untold State = "-"
)

// Finding is what one step found.
type Finding struct {
	Step  string
	State State
	Saw   string
	Do    string   // what to do, for Bad, Stops and Note
	Hooks []string // what the hooks of the step did, and printed
	// Reach says that the server cannot be tested at all.
	Reach bool
}

// patient is one examination.
type patient struct {
	ctx    context.Context //nolint:containedctx // one examination is one call
	lab    *lab.Lab
	t      *target.Target
	tell   func(Finding)
	failed bool
	device *dmclient.Device
	hooks  []string // of severe, to try
}

// Examine checks the target of a running lab and reports each finding at once. It
// enrolls one device, and runs every harmless hook, and those of hooks (Severe) on a
// device of their own.
func Examine(ctx context.Context, l *lab.Lab, tell func(Finding), hooks ...string) {
	p := &patient{ctx: ctx, lab: l, t: &l.Config.Target, tell: tell, hooks: hooks}
	for _, m := range l.Moved() {
		tell(Finding{Step: "ports", State: Note, Saw: m, Do: lab.MovedDo})
	}
	type step struct {
		name string
		run  func() Finding
	}
	steps := []step{
		{"name", p.name}, {"connection", p.connection}, {"discovery", p.discovery}, {"enrollment", p.enrollment}, {"session", p.session},
		{"lookup hook", p.lookup}, {"PFN", p.pfn}, {"queue hook", p.queue}, {"push", p.push}, {"other hooks", p.others},
	}
	for _, name := range severe {
		if slices.Contains(hooks, name) {
			steps = append(steps, step{name + " hook", func() Finding { return p.try(name) }})
		}
	}
	for _, step := range steps {
		if step.name == "lookup hook" && p.t.Hooks.Lookup == nil {
			continue
		}
		f := Finding{State: Untold, Saw: "not tried: see above"}
		if !p.failed {
			began := time.Now()
			f = step.run()
			for _, o := range p.lab.HookOutcomes("", began) {
				f.Hooks = append(f.Hooks, o.Lines()...)
			}
		}
		f.Step = step.name
		p.failed = p.failed || f.State == Bad
		tell(f)
	}
}

func good(format string, args ...any) Finding {
	return Finding{State: OK, Saw: fmt.Sprintf(format, args...)}
}

func bad(saw, do string) Finding { return Finding{State: Bad, Saw: saw, Do: do} }

// url returns the URL where devices start.
func (p *patient) url() string {
	if u := p.t.DiscoveryURL(); u != "" {
		return u
	}
	return p.t.Provisioned.Server
}

func (p *patient) name() Finding {
	u, err := url.Parse(p.url())
	if err != nil || u.Hostname() == "" {
		return bad("no URL to start with", "set target.discovery")
	}
	if p.t.Connect != "" {
		return good("%s, reached at %s (target.connect)", u.Hostname(), p.t.Connect)
	}
	addrs, err := net.DefaultResolver.LookupHost(p.ctx, u.Hostname())
	if err != nil {
		f := bad(fmt.Sprintf("%s does not resolve: %v", u.Hostname(), err), "check target.discovery, or set target.connect to the server's host:port")
		f.Reach = true
		return f
	}
	return good("%s is %s", u.Hostname(), strings.Join(addrs, ", "))
}

func (p *patient) connection() Finding {
	if err := p.lab.Healthy(p.ctx); err != nil {
		what, do := lab.ConnectProblem(p.t, err)
		f := bad(what, do)
		if what == "" {
			f = bad(err.Error(), "look in the server's log: it answers, but with an error")
		}
		f.Reach = true
		return f
	}
	return good("TLS verifies, and %s answers", p.url())
}

func (p *patient) discovery() Finding {
	if p.t.Provisioned.Server != "" {
		return Finding{State: Note, Saw: "the device is already enrolled (target.provisioned)", Do: "without it the ENR scenarios would run, too"}
	}
	r, err := p.discover()
	for err != nil && p.lab.FallBack(err) {
		r, err = p.discover()
	}
	if p.device == nil {
		return bad(err.Error(), "check the target section")
	}
	if err != nil {
		f := bad(err.Error(), p.undiscovered(err))
		f.Reach = true
		return f
	}
	return good("AuthPolicy %s, policy service %s, enrollment service %s", r.AuthPolicy, r.PolicyURL, r.EnrollmentURL)
}

// discover asks the discovery service with a device of the newest profile.
func (p *patient) discover() (*enroll.DiscoverResponse, error) {
	d, err := p.lab.NewDevice(p.profile())
	if err != nil {
		return nil, err
	}
	p.device = d
	return d.EnrollmentClient(dmclient.EnrollOptions{}).Discover(p.ctx)
}

func (p *patient) profile() dmclient.Profile {
	profile, err := p.t.Profile(p.t.Profiles[len(p.t.Profiles)-1])
	if err != nil {
		return dmclient.Win11() // target.Load rejects such a name
	}
	return profile
}

func (p *patient) enrollment() Finding {
	if p.t.Shared() {
		d, err := p.lab.Shared(p.ctx)
		if err != nil {
			return p.refused(err)
		}
		p.device = d
		return good("device %s, which all scenarios share", d.Identity().DeviceID)
	}
	err := p.lab.Enroll(p.ctx, p.device)
	for err != nil && p.lab.FallBack(err) {
		d, bad := p.lab.NewDevice(p.profile())
		if bad != nil {
			break
		}
		p.device = d
		err = p.lab.Enroll(p.ctx, d)
	}
	if err != nil {
		return p.refused(err)
	}
	for _, f := range p.stops() {
		f.Step = "enrollment"
		p.tell(f)
	}
	return good("device %s, ProviderID %q, sessions at %s", p.device.Identity().DeviceID, p.device.Provider(), p.device.Address())
}

func (p *patient) session() Finding {
	s, err := p.device.Sync(p.ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	if failed := p.lab.AfterSession(p.ctx, p.device, s); failed != nil {
		return bad(failed.Error(), "run the enrolled hook by hand for this device, "+p.device.Identity().DeviceID)
	}
	if errors.Is(err, dmclient.ErrEndless) {
		p.tell(Finding{Step: "session", State: Stops, Saw: err.Error() + ": the server asks something in each of its messages",
			Do: "end the session once everything is answered: dmwake test --only SES-14 shows the messages"})
		return good("%s, then the device gave up", wording.Count(len(s.Sent), "message"))
	}
	if err != nil && s != nil && s.End == fmt.Sprintf("HTTP status %d", http.StatusNotFound) {
		return bad(err.Error(), "serve sessions at "+p.device.Address()+", which ADDR of the provisioning document says, or let it say another address")
	}
	if err != nil {
		return bad(err.Error(), "run: dmwake test --area SES, which says what Windows expects")
	}
	return good("%s, %s: %s", wording.Count(len(s.Sent), "message"), wording.Count(len(s.Commands), "command"), s.End)
}

func (p *patient) lookup() Finding {
	id, err := p.lab.ServerID(p.ctx, p.device)
	if err != nil {
		return bad(err.Error(), "run the hook by hand for this device, "+p.device.Identity().DeviceID)
	}
	return good("the server knows the device as %s", id)
}

func (p *patient) queue() Finding {
	c, ok := lab.AnyCommand(p.t.Hooks.Queue)
	switch {
	case !ok && p.lab.CanWork():
		return p.work()
	case !ok:
		return Finding{State: Note, Saw: "none", Do: "set target.hooks.work, which gives a device anything to do, or target.hooks.queue; PSH and half of ERR and SES need one of them"}
	}
	if err := p.lab.Queue(p.ctx, p.device, c); err != nil {
		return bad(err.Error(), "run the hook by hand with this device's id, "+p.device.Identity().DeviceID)
	}
	s, err := p.device.Sync(p.ctx, dmclient.SyncOptions{})
	if err != nil && !errors.Is(err, dmclient.ErrEndless) {
		return bad(fmt.Sprintf("it succeeded, but the session after it failed: %v", err), "run: dmwake test --area SES, which says what Windows expects")
	}
	if len(s.Find(c.Verb, c.LocURI[1:])) == 0 {
		return bad(fmt.Sprintf("it succeeded, but the next session did not bring the queued %s", c.Verb), "check that the hook identifies the device as the server does: harness/docs/reference/hooks.md lists the variables, and target.hooks.lookup finds a server's own id")
	}
	return good("%s of %s was queued, and arrived in the next session", c.Verb, c.LocURI)
}

// work finds out what the work hook does.
func (p *patient) work() Finding {
	g, err := p.lab.Signature(p.ctx)
	var none *lab.NoWorkError
	var sessions *lab.SessionsError
	switch {
	case errors.As(err, &none) && none.PFN != nil:
		return bad(err.Error(), none.PFN.Do)
	case errors.As(err, &sessions):
		return bad(err.Error(), "run: dmwake test --area SES, which says what Windows expects")
	case err != nil:
		return bad(err.Error(), "run the hook by hand, and look at what the server then has for the device")
	case g.Once:
		return Finding{State: Note, Saw: fmt.Sprintf("the %s hook makes the server send %s, but nothing the second time", p.lab.WorkHook(), g), Do: "make its output differ, for example with {{.N}}, another number in each call"}
	}
	if p.lab.WorkHook() == "lock" {
		why := "there is neither a work hook nor a queue hook"
		if p.t.Hooks.Queue != nil {
			why = "the queue hook takes no Get, Replace or Exec, and there is no work hook"
		}
		return Finding{State: Note, Saw: fmt.Sprintf("%s, so the lock hook gives work: it makes the server send %s", why, g),
			Do: "set target.hooks.work to use something else, see harness/docs/hooks.md"}
	}
	return good("the work hook makes the server send %s", g)
}

func (p *patient) push() Finding {
	command, queues := lab.AnyCommand(p.t.Hooks.Queue)
	byItself := p.t.PushOnQueue && (queues || p.lab.CanWork())
	switch {
	case p.t.Push == "none" || p.device.ChannelURI() == "":
		return Finding{State: Untold, Saw: "not tried: there is no channel"}
	case p.t.Hooks.Push == nil && !byItself:
		return Finding{State: Note, Saw: "no push hook", Do: "set target.hooks.push, or target.push_on_queue: true for a server that pushes when a command is queued"}
	}
	p.lab.Go(p.device)
	mark, journal := p.device.SessionCount(), p.lab.WNS.Journal().Mark()
	var err error
	switch {
	case p.t.Hooks.Push != nil:
		err = p.lab.Push(p.ctx, p.device)
	case queues:
		err = p.lab.Queue(p.ctx, p.device, command)
	default:
		err = p.lab.Work(p.ctx, p.device)
	}
	if err != nil {
		return bad(err.Error(), "run the hook by hand with this device's id, "+p.device.Identity().DeviceID)
	}
	_, err = p.device.AwaitSession(p.ctx, mark, p.lab.Config.Timeouts.Push, func(s *dmclient.Session) bool { return s.Origin == dmclient.OriginPush })
	if err == nil {
		return good("the device woke up and opened a session")
	}
	entries := p.lab.WNS.Journal().Since(journal, nil)
	saw := slices.DeleteFunc(slices.Clone(entries), func(e *fakewns.Entry) bool { return e.Kind != fakewns.Token && e.Kind != fakewns.Notification })
	if len(saw) == 0 {
		what, do := p.lab.Unreached(entries)
		return bad(fmt.Sprintf("nothing reached the fake WNS within %s: %s", p.lab.Config.Timeouts.Push, what), do)
	}
	last := saw[len(saw)-1]
	if last.Status == http.StatusOK {
		return bad("the fake WNS accepted the last request, but no session followed", "run: dmwake test --only PSH-01 --html report.html")
	}
	return bad(fmt.Sprintf("the fake WNS answered the last of %d requests with %d: %s", len(saw), last.Status, last.Error), "dmwake explain wns "+fmt.Sprint(last.Status)+" says what that means; dmwake test --area TOK,WNS says what is wrong")
}

func (p *patient) others() Finding {
	var have, lack []string
	h := &p.t.Hooks
	for _, k := range []struct {
		name string
		is   bool
		what string
	}{
		{"active", h.Active != nil, "whether a wiped device is still managed, PSH-07"}, {"unenroll", h.Unenroll != nil, "PFN-14, ERR-05"},
		{"restart", h.Restart != nil, "ROB-11"},
	} {
		if k.is {
			have = append(have, k.name)
		} else {
			lack = append(lack, k.name+" ("+k.what+")")
		}
	}
	if h.Active != nil {
		is, err := p.lab.Active(p.ctx, p.device)
		switch {
		case err != nil:
			return bad(err.Error(), "run the active hook by hand")
		case !is:
			return bad("the active hook does not print "+p.device.Identity().DeviceID+", which is enrolled", "let it print the DeviceIDs of all managed devices, or with target.hooks.lookup the server's own ids")
		}
	}
	if h.Link != nil { // few servers link devices, and most of those unasked: without it nothing is missing
		have = append(have, "link")
		if f, ok := p.link(); !ok {
			return f
		}
	}
	if len(lack) > 0 {
		saw := "missing: " + strings.Join(lack, ", ")
		if len(have) > 0 {
			saw = "present: " + strings.Join(have, ", ") + "; " + saw
		}
		return p.untried(Finding{State: Note, Saw: saw, Do: "add them if the server has such functions"})
	}
	return p.untried(good("%s", strings.Join(have, ", ")))
}

// link runs the link hook and holds sessions until the device is to enroll linked.
func (p *patient) link() (Finding, bool) {
	if err := p.lab.Link(p.ctx, p.device); err != nil {
		return bad(err.Error(), "run the link hook by hand"), false
	}
	for range 3 {
		if p.device.LinkPending() || p.device.Linked() != nil {
			return Finding{}, true
		}
		p.device.Sync(p.ctx, dmclient.SyncOptions{}) //nolint:errcheck // the session step judged that
	}
	return bad("the link hook succeeded, but the next 3 sessions brought no Exec of LinkedEnrollment/Enroll",
		"check that the hook identifies the device as the server does, and that the device is of build 19042 or later: harness/docs/declared.md"), false
}

// untried adds the hooks of the target that were not tried.
func (p *patient) untried(f Finding) Finding {
	var left []string
	for _, name := range severe {
		if p.own(name) && !slices.Contains(p.hooks, name) {
			left = append(left, name)
		}
	}
	if len(left) == 0 {
		return f
	}
	list := strings.Join(left, ",")
	if f.Do != "" {
		f.Do += "; "
	}
	f.Do += "dmwake doctor --hooks " + list + " tries what doctor does not do unasked"
	return f
}

// own reports whether the target has a hook of that name.
func (p *patient) own(name string) bool {
	h := &p.t.Hooks
	return map[string]bool{"restart": h.Restart != nil, "lock": h.Lock != nil, "unenroll": h.Unenroll != nil, "wipe": h.Wipe != nil}[name]
}
