package dmclient_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// advance moves the clock once the device waits for it.
func advance(t *testing.T, c *dmclient.VirtualClock, seconds int) {
	t.Helper()
	eventually(t, func() bool { return c.Waiting() > 0 }, "the device waits for the clock")
	c.Advance(time.Duration(seconds) * time.Second)
}

// eventually waits for a condition, with a limit that no healthy run meets.
func eventually(t *testing.T, cond func() bool, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// TestPollSchedule: the polls of the reference server's schedule come when they
// have to: eight times 15 minutes, five times an hour, then every eight hours.
func TestPollSchedule(t *testing.T) {
	r := newRig(t, nil)
	clock := dmclient.NewVirtualClock(start)
	d := r.device(func(c *dmclient.Config) { c.Clock = clock })
	if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	var got []time.Duration
	at := start
	for range 15 {
		due, ok := d.Next()
		if !ok || due.What != "poll" {
			t.Fatalf("next is %+v", due)
		}
		got = append(got, due.At.Sub(at))
		at = due.At
		clock.Advance(due.At.Sub(clock.Now()))
		if _, err := d.Act(r.ctx(), due); err != nil {
			t.Fatal(err)
		}
	}
	for i, w := range got {
		want := 15 * time.Minute
		switch {
		case i >= 13:
			want = 24 * time.Hour
		case i >= 8:
			want = time.Hour
		}
		if w != want {
			t.Errorf("poll %d after %s, want %s", i+1, w, want)
		}
	}
}

// TestPollLimits: how the schedule treats invalid values.
func TestPollLimits(t *testing.T) {
	r := newRig(t, nil)
	names := []string{"IntervalForFirstSetOfRetries", "NumberOfFirstRetries", "IntervalForSecondSetOfRetries", "NumberOfSecondRetries",
		"IntervalForRemainingScheduledRetries", "NumberOfRemainingScheduledRetries"}
	for name, c := range map[string]struct {
		values [6]string
		want   []time.Duration
	}{
		"all zero":                {[6]string{"0", "0", "0", "0", "0", "0"}, []time.Duration{24 * time.Hour, 24 * time.Hour}},
		"first endless":           {[6]string{"7", "0", "60", "10", "1440", "0"}, []time.Duration{7 * time.Minute, 7 * time.Minute}},
		"second endless":          {[6]string{"5", "1", "30", "0", "1440", "0"}, []time.Duration{5 * time.Minute, 30 * time.Minute, 30 * time.Minute}},
		"no endless set":          {[6]string{"5", "1", "30", "1", "0", "0"}, []time.Duration{5 * time.Minute, 30 * time.Minute, 24 * time.Hour}},
		"first disabled":          {[6]string{"0", "10", "30", "1", "60", "0"}, []time.Duration{30 * time.Minute, time.Hour}},
		"not numbers: as default": {[6]string{"x", "x", "x", "x", "x", "x"}, []time.Duration{15 * time.Minute}},
	} {
		clock := dmclient.NewVirtualClock(start)
		d := r.enrolled(func(k *dmclient.Config) { k.Clock = clock })
		for i, n := range names {
			d.Tree().Provision(dmclient.ProviderURI(d.Provider())+"/Poll/"+n, c.values[i])
		}
		for i, want := range c.want {
			due, ok := d.Next()
			if got := due.At.Sub(clock.Now()); !ok || got != want {
				t.Errorf("%s: poll %d after %s, want %s", name, i+1, got, want)
			}
			clock.Advance(due.At.Sub(clock.Now()))
			if _, err := d.Act(r.ctx(), due); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// timedWNS issues channels that live thirty days on the device's clock.
type timedWNS struct {
	dmclient.IgnoreEvents
	clock  *dmclient.VirtualClock
	opened int
	fail   bool
	wake   func([]byte)
}

type offline struct{}

func (offline) Error() string  { return "no network" }
func (offline) Reason() string { return "offline" }

func (w *timedWNS) OpenChannel(_ context.Context, _, _ string, wake func([]byte)) (string, time.Time, error) {
	if w.fail {
		return "", time.Time{}, offline{}
	}
	w.opened++
	w.wake = wake
	return "https://db5p.notify.windows.com/?token=" + string(rune('a'+w.opened)), w.clock.Now().Add(30 * 24 * time.Hour), nil
}
func (w *timedWNS) CloseChannel(string) {}

// TestChannelLife: the channel is renewed with 15 days left and a session
// follows; a renewal that fails is tried again in hours; an expired channel is
// told as Status 5.
func TestChannelLife(t *testing.T) {
	const day = 24 * time.Hour
	r := newRig(t, nil)
	clock := dmclient.NewVirtualClock(start)
	wns := &timedWNS{clock: clock}
	d := r.enrolled(func(c *dmclient.Config) { c.Clock, c.WNS = clock, wns })
	// Polls aside.
	d.Tree().Provision(dmclient.ProviderURI(d.Provider())+"/Poll/IntervalForFirstSetOfRetries", "1000000")
	old := d.ChannelURI()
	due, _ := d.Next()
	if due.What != "channel" || due.At.Sub(start) != 15*day {
		t.Fatalf("next is %s after %s", due.What, due.At.Sub(start))
	}
	clock.Advance(15 * day)
	s, err := d.Act(r.ctx(), due)
	if err != nil || s == nil || d.ChannelURI() == old {
		t.Fatalf("renewal: %v, channel %s", err, d.ChannelURI())
	}
	if got := s.Find(syncml.Get, "/Push/ChannelURI"); len(got) != 1 || got[0].Result != d.ChannelURI() {
		t.Errorf("the session after the renewal told %+v", got)
	}
	// From here on renewal fails.
	wns.fail = true
	due, _ = d.Next()
	clock.Advance(due.At.Sub(clock.Now()))
	if _, err := d.Act(r.ctx(), due); err == nil {
		t.Fatal("a renewal without a network went well")
	}
	due, _ = d.Next()
	if wait := due.At.Sub(clock.Now()); due.What != "channel" || wait < 3*time.Hour || wait > 5*time.Hour {
		t.Errorf("the next try is %s after %s", due.What, wait)
	}
	clock.Advance(16 * day)
	if _, err := d.Act(r.ctx(), due); err == nil {
		t.Fatal("a renewal without a network went well")
	}
	due, _ = d.Next()
	if wait := due.At.Sub(clock.Now()); due.What != "channel" || wait < 20*time.Hour || wait > 28*time.Hour {
		t.Errorf("after it expired the next try is %s after %s", due.What, wait)
	}
	if status, _ := d.Tree().Get(d.PushURI() + "/Status"); status != "5" || d.ChannelURI() != "" {
		t.Errorf("expired: Status %s, channel %q", status, d.ChannelURI())
	}
	// 1607 and later look for a network first; 1511 tries, and waits a day.
	for _, c := range []struct {
		profile  dmclient.Profile
		from, to time.Duration
		fails    bool
	}{{dmclient.Win10v1511(), 20 * time.Hour, 28 * time.Hour, true}, {dmclient.Win11(), 3 * time.Hour, 5 * time.Hour, false}} {
		gone := r.enrolled(func(k *dmclient.Config) {
			k.Clock, k.WNS, k.Profile = clock, &timedWNS{clock: clock}, c.profile
		})
		gone.Tree().Provision(dmclient.ProviderURI(gone.Provider())+"/Poll/IntervalForFirstSetOfRetries", "1000000")
		gone.SetPower(dmclient.PowerOff)
		clock.Advance(31 * day)
		_, err := gone.Act(r.ctx(), dmclient.Due{At: clock.Now(), What: "channel"})
		due, _ := gone.Next()
		if wait := due.At.Sub(clock.Now()); (err != nil) != c.fails || wait < c.from || wait > c.to {
			t.Errorf("%s without a network: %v, next %s after %s", c.profile.Name, err, due.What, wait)
		}
	}
	never := r.enrolled(func(c *dmclient.Config) {
		c.Clock, c.WNS = clock, &timedWNS{clock: clock}
		c.Profile = dmclient.Win10v1511()
		c.Profile.Quirks.NeverRenews = true
	})
	never.Tree().Provision(dmclient.ProviderURI(never.Provider())+"/Poll/IntervalForFirstSetOfRetries", "1000000")
	if due, _ := never.Next(); due.What == "channel" {
		t.Error("a device that never renews plans to")
	}
}

// TestRunOnTheClock: Run polls by itself, answers pushes and logins.
func TestRunOnTheClock(t *testing.T) {
	r := newRig(t, nil)
	clock := dmclient.NewVirtualClock(start)
	wns := &timedWNS{clock: clock}
	d := r.enrolled(func(c *dmclient.Config) { c.Clock, c.WNS = clock, wns })
	ctx, cancel := context.WithCancel(r.ctx())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	awaited := func(mark int, o dmclient.Origin) {
		t.Helper()
		if _, err := d.AwaitSession(r.ctx(), mark, time.Minute, func(s *dmclient.Session) bool { return s.Origin == o }); err != nil {
			t.Fatalf("origin %d: %v", o, err)
		}
	}
	mark := d.SessionCount()
	advance(t, clock, 15*60)
	awaited(mark, dmclient.OriginSchedule)

	mark = d.SessionCount()
	wns.wake([]byte("x"))
	awaited(mark, dmclient.OriginPush)

	mark = d.SessionCount()
	d.SetLogin(dmclient.LoginNone)
	d.SetLogin(dmclient.LoginUser)
	awaited(mark, dmclient.OriginLogin)

	// Power or connectivity allow no session (Learn, "DMClient CSP").
	d.SetPower(dmclient.PowerLimited)
	wns.wake([]byte("x"))
	if status, _ := d.Tree().Get(d.PushURI() + "/Status"); status != "7" {
		t.Errorf("a push that can start no session: Status %s", status)
	}
	d.SetPower(dmclient.PowerNormal)
	if status, _ := d.Tree().Get(d.PushURI() + "/Status"); status != "0" {
		t.Errorf("once sessions are possible again: Status %s", status)
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("Run ended without the context's error")
	}
}

// TestAwaitSlowSession: a session that began in time is awaited to its end, also one
// that had to wait for another; one that never begins is not awaited.
func TestAwaitSlowSession(t *testing.T) {
	r := newRig(t, nil)
	wns := &timedWNS{clock: dmclient.NewVirtualClock(start)}
	d := r.enrolled(func(c *dmclient.Config) { c.WNS = wns })
	arrived, answer := make(chan bool), make(chan bool)
	var first sync.Once
	r.intercept = func(http.ResponseWriter, *http.Request) bool {
		first.Do(func() {
			arrived <- true
			<-answer
		})
		return false
	}
	ctx, cancel := context.WithCancel(r.ctx())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	wns.wake([]byte("x"))
	<-arrived
	wns.wake([]byte("x")) // its session must wait for the first one
	before := d.SessionCount()
	asked, slow := false, (*dmclient.Session)(nil)
	_, err := d.AwaitSession(r.ctx(), before-1, 0, func(s *dmclient.Session) bool {
		switch {
		case !asked: // the time is over, and only now the server answers
			asked = true
			close(answer)
		case s.Origin == dmclient.OriginPush && slow == nil:
			slow = s
		}
		return s.Origin == dmclient.OriginPush && s != slow
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := d.AwaitSession(r.ctx(), before+2, 0, nil); err == nil {
		t.Error("a third session came")
	}
	cancel()
	<-done
}

// TestLeaving: by the user, by the server, by a wipe, and for want of contact.
func TestLeaving(t *testing.T) {
	r := newRig(t, nil)
	byUser := r.enrolled(nil)
	s, err := byUser.Unenroll(r.ctx())
	if err != nil || byUser.State() != dmclient.Unenrolled || r.view(byUser).Active {
		t.Errorf("by the user: %v, %s, active at the server: %v", err, byUser.State(), r.view(byUser).Active)
	}
	if a := s.Sent[0].Body[2]; a.Code() != syncml.AlertGeneric || a.CmdID != "4" {
		t.Errorf("the alert is %+v", a)
	}
	if _, err := byUser.Sync(r.ctx(), dmclient.SyncOptions{}); err == nil {
		t.Error("a device that left can sync")
	}

	byServer := r.enrolled(nil)
	r.queue(byServer, syncml.Exec, dmclient.ProviderURI(byServer.Provider())+"/Unenroll", "", byServer.Provider())
	r.sync(byServer)
	if byServer.State() != dmclient.Unenrolled || byServer.ChannelURI() != "" || byServer.Provider() != "" {
		t.Errorf("by the server: %s", byServer.State())
	}

	wiped := r.enrolled(nil)
	wiped.Tree().Provision("./Vendor/MSFT/VPNv2/Work/NativeProfile/Servers", "x")
	r.queue(wiped, syncml.Exec, "./Vendor/MSFT/RemoteWipe/doWipeProtected", "", "")
	r.sync(wiped)
	if inv := wiped.Inventory(); inv.State != "wiped" || inv.Life.Wiped != "doWipeProtected" || len(inv.VPNs) != 0 {
		t.Errorf("wiped: %+v", inv)
	}
	if err := wiped.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil || wiped.State() != dmclient.Enrolled {
		t.Errorf("a wiped device enrolls again: %v", err)
	}

	clock := dmclient.NewVirtualClock(start)
	lost := r.enrolled(func(c *dmclient.Config) { c.Clock = clock })
	lost.Tree().Provision(dmclient.ProviderURI(lost.Provider())+"/Poll/IntervalForFirstSetOfRetries", "1000000")
	lost.Tree().Provision(dmclient.ProviderURI(lost.Provider())+"/NumberOfDaysAfterLostContactToUnenroll", "3")
	due, _ := lost.Next()
	if due.What != "lost contact" || due.At.Sub(start) != 72*time.Hour {
		t.Errorf("next is %+v", due)
	}
	if _, err := lost.Act(r.ctx(), due); err == nil || lost.State() != dmclient.Unenrolled {
		t.Errorf("lost: %v, %s", err, lost.State())
	}
	gone := r.enrolled(nil)
	gone.Wipe()
	if gone.State() != dmclient.Wiped || !r.view(gone).Active {
		t.Error("a user's wipe tells nobody")
	}
}

// TestSkew: a device whose clock is wrong tells its own time and still trusts a
// certificate that is not valid then, unless it is asked to judge by that clock.
func TestSkew(t *testing.T) {
	r := newRig(t, nil)
	clock := dmclient.NewVirtualClock(time.Now())
	d := r.enrolled(func(c *dmclient.Config) { c.Clock, c.Skew = clock, 90*time.Minute })
	if local, _ := d.Tree().Get("./DevDetail/Ext/Microsoft/LocalTime"); local != clock.Now().Add(90*time.Minute).Format(time.RFC3339) {
		t.Errorf("LocalTime %s", local)
	}
	lost := r.enrolled(func(c *dmclient.Config) { c.Clock, c.Skew = clock, -100*365*24*time.Hour })
	if s := r.sync(lost); s.Err != nil {
		t.Errorf("a hundred years ago, in messages only: %v", s.Err)
	}
	old := r.device(func(c *dmclient.Config) { c.Clock, c.Skew, c.SkewTLS = clock, -100*365*24*time.Hour, true })
	if err := old.Enroll(r.ctx(), dmclient.EnrollOptions{}); err == nil || !strings.Contains(err.Error(), "0x8018000d") {
		t.Errorf("a hundred years ago: %v", err)
	}
}

// TestManagementAddress: a server that moves its devices elsewhere is followed.
func TestManagementAddress(t *testing.T) {
	r, other := newRig(t, nil), newRig(t, nil)
	d := r.enrolled(nil)
	base := dmclient.ProviderURI(d.Provider())
	r.queue(d, syncml.Replace, base+"/ManagementServiceAddress", "chr", other.front.URL+"/elsewhere")
	r.sync(d)
	if d.Address() != other.front.URL+"/elsewhere" {
		t.Errorf("the device goes to %s", d.Address())
	}
	d.Tree().Provision(base+"/ManagementServerAddressList", "<https://127.0.0.1:1/><"+r.front.URL+"/ManagementServer/MDM.svc>")
	if d.Address() != "https://127.0.0.1:1/" {
		t.Errorf("the list does not go first: %s", d.Address())
	}
	// The first of the list is dead; a device that tries again takes the next.
	clock := dmclient.NewVirtualClock(start)
	e := r.enrolled(func(c *dmclient.Config) { c.Clock, c.NoRetry = clock, false })
	e.Tree().Provision(base+"/ManagementServerAddressList", "<https://127.0.0.1:1/><"+r.front.URL+"/ManagementServer/MDM.svc>")
	done := make(chan error, 1)
	go func() { _, err := e.Sync(r.ctx(), dmclient.SyncOptions{}); done <- err }()
	advance(t, clock, 30)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
