// Package delivery compares what it costs a server to deliver the same work by polls,
// by push, and by both.
package delivery

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/load/server"
	"github.com/dmwake/dmwake/harness/report"
)

// Options of a comparison.
type Options struct {
	// Load has the devices, their work and the sender. Its schedule is set here.
	Load load.Options
	// WorkRate is how many pieces of work a device gets in an hour.
	WorkRate float64
	// Fast is the interval of polls alone, and beside push in the last way; Slow is the
	// one beside push in the second way.
	Fast, Slow time.Duration
	Hours      float64 // of each way
	Speed      float64 // how many times as fast they are run
	// Idle is how long the idle server is watched before each way.
	Idle time.Duration
	// Watch opens what is watched of the server, for each way anew.
	Watch func(context.Context) (*server.Watch, error)
	// Begin is called before each way.
	Begin func(way string)
	// Ready is called when a way's devices are enrolled, right before it starts.
	Ready func(*load.Options)
}

// Run measures the ways one after the other. With an error the comparison has the ways
// that were measured before. Errors about options are OptionErrors: Rate for WorkRate,
// Duration for Hours, Poll for Fast and Slow.
func Run(ctx context.Context, l *lab.Lab, o *Options) (*result.Delivery, error) {
	ways := o.ways()
	out := &result.Delivery{Dmwake: report.Version, Kind: result.KindDelivery, Started: time.Now(), Machine: result.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()},
		Devices: o.Load.Devices, Hours: o.Hours, Speed: o.Speed, Work: o.Load.Work.Text(), WorkRate: o.WorkRate, Seed: o.Load.Seed}
	if err := Check(l, o); err != nil {
		return out, err
	}
	for _, w := range ways {
		o.Begin(w.Name)
		way, err := o.measure(ctx, l, w)
		if way != nil {
			out.Target = way.Load.Target
			out.Ways = append(out.Ways, *way)
			if w.Push {
				out.Sender = way.Load.Config.Sender
			}
		}
		switch {
		case ctx.Err() != nil:
			out.Aborted = fmt.Sprintf("interrupted during the way %q", w.Name)
			return out, nil
		case err != nil:
			return out, err
		}
	}
	out.Notes = o.notes(l, out)
	return out, nil
}

// Check finds mistakes of the options, also of a later way, before anything runs.
func Check(l *lab.Lab, o *Options) error {
	if err := o.check(l); err != nil {
		return err
	}
	for _, w := range o.ways() {
		run, err := o.options(l, &w)
		if err == nil {
			err = load.Check(l, run)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ways are polls alone, push with rare polls, and push with frequent polls.
func (o *Options) ways() []result.Way {
	fast, slow := load.Short(o.Fast), load.Short(o.Slow)
	return []result.Way{
		{Name: "poll " + fast, Poll: o.Fast.Seconds()},
		{Name: "push, poll " + slow, Poll: o.Slow.Seconds(), Push: true},
		{Name: "push, poll " + fast, Poll: o.Fast.Seconds(), Push: true},
	}
}

func (o *Options) check(l *lab.Lab) error {
	switch {
	case !(o.Hours > 0) || o.Hours > 24*365:
		return load.NewOptionError("Duration", "%g hours; give more than 0", o.Hours)
	case !(o.Speed > 0):
		return load.NewOptionError("Speed", "%g is not more than 0", o.Speed)
	case o.Load.Devices < 1:
		return load.NewOptionError("Devices", "%d is not from 1 on", o.Load.Devices)
	case !(o.WorkRate > 0) || math.IsInf(o.WorkRate, 0):
		return load.NewOptionError("Rate", "%g pieces of work; give more than 0", o.WorkRate)
	case o.WorkRate*o.Hours*float64(o.Load.Devices) < 1:
		return load.NewOptionError("Rate", "%g pieces of work per device and hour are less than one in %g hours; give more", o.WorkRate, o.Hours)
	case o.Fast <= 0 || o.Slow <= 0:
		return load.NewOptionError("Poll", "an interval is not more than 0")
	case o.Fast >= o.Slow:
		return load.NewOptionError("Poll", "the fast interval %s is not shorter than the slow one, %s", load.Short(o.Fast), load.Short(o.Slow))
	case o.Load.Work.Commands() == 0:
		return load.NewOptionError("Work", "a poll shows its delivery only by work that the server sends; choose get or profile:N")
	case o.Load.Work.Kind == "wipe":
		return load.NewOptionError("Work", "a wiped device takes no more work; choose get or profile:N")
	case l.Config.Target.Push == "none":
		return load.NewOptionError("Sender", "the target has no WNS push (target.push: none), so there is nothing to compare")
	}
	return nil
}

// options are the load of one way.
func (o *Options) options(l *lab.Lab, w *result.Way) (*load.Options, error) {
	run := o.Load
	rate := o.WorkRate * float64(run.Devices) / time.Hour.Seconds()
	plan, err := load.ParsePlan(strconv.FormatFloat(rate, 'f', -1, 64), time.Duration(o.Hours*float64(time.Hour)), 0)
	if err != nil {
		return nil, err
	}
	plan.Poisson = true
	run.Plan, run.Speed, run.Poll, run.Who = plan, o.Speed, time.Duration(w.Poll*float64(time.Second)), "random"
	if !w.Push {
		run.Sender = load.SenderNone
		if l.Config.Target.PushOnQueue {
			run.Offline = 1 // what the server pushes by itself does not arrive
		}
	}
	return &run, nil
}

func (o *Options) measure(ctx context.Context, l *lab.Lab, w result.Way) (*result.Way, error) {
	run, err := o.options(l, &w)
	if err != nil {
		return nil, err
	}
	var m meter
	length := time.Duration(o.Hours * float64(time.Hour) / o.Speed)
	var start time.Time
	var was reading
	var end *moment
	var polled []result.PolledWork
	run.Waited = func(wait, rest time.Duration) { // one call at a time, none after the run
		polled = append(polled, result.PolledWork{Wait: wait.Seconds(), Rest: rest.Seconds()})
	}
	run.Dialed, run.Asked = m.conn, m.request
	run.Begun = func(at time.Time) { start, was, end = at, m.read(), m.at(at.Add(length)) }
	watch, err := o.Watch(ctx)
	if err != nil {
		return nil, err
	}
	r, err := load.Start(ctx, l, run)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	o.Ready(run)
	watch.Start()
	defer watch.Stop()
	if idle(ctx, o.Idle); ctx.Err() != nil {
		return nil, ctx.Err()
	}
	got, err := r.Go(ctx)
	watch.Stop()
	if err != nil {
		return nil, err
	}
	w.Load = got
	if got.Aborted != "" { // the end was not reached
		length = min(length, time.Since(start))
		end.now()
	}
	w.DeviceHours = float64(len(r.Devices())) * length.Hours() * o.Speed
	is := end.wait(ctx)
	w.Requests, w.Bytes, w.Connections = is.requests-was.requests, is.bytes-was.bytes, is.connections-was.connections
	if !watch.Empty() {
		got.Server = watch.Result(server.Window{Start: start, Counted: start, End: start.Add(length), Wakes: got.Counts.Done + got.Counts.Polled})
		w.Notes = append(w.Notes, got.Server.Notes...)
		if len(got.Server.Processes) > 0 {
			sum := 0.0
			for i := range got.Server.Processes {
				sum += got.Server.Processes[i].NetCPU()
			}
			w.ServerCPU = &sum
		}
	}
	return &w, w.Fill(o.Speed, polled)
}

// idle waits, to watch the idle server.
func idle(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// notes say what a reader of the figures must know.
func (o *Options) notes(l *lab.Lab, d *result.Delivery) (out []string) {
	if l.Embedded() {
		out = append(out, "The server was embedded, a part of dmwake: its processor time cannot be told apart. Run it as a process of its own and name it by --config and --pid.")
	}
	if d.Sender == load.SenderWNS {
		out = append(out, "dmwake pushed instead of the server: the server's processor time lacks its pushes.")
	}
	if l.Config.Target.PushOnQueue {
		out = append(out, "The server pushes by itself when work is queued, also in the first way, where the devices do not hear it.")
	}
	for i := range d.Ways {
		if w := &d.Ways[i]; w.ServerCPU != nil && len(w.Load.Server.Processes) > 0 && w.Load.Server.Processes[0].IdleCPU == nil {
			out = append(out, fmt.Sprintf("%s: the idle server was not measured, and its processor time is not taken off.", w.Name))
		}
	}
	return out
}
