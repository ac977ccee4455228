package dmwake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/lib"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/target"
)

// Options are the options of open in the script.
type Options struct {
	Devices     int     `json:"devices"`     // of all processes together
	Config      string  `json:"config"`      // configuration file; empty: the embedded server
	Seed        uint64  `json:"seed"`        // of the identities; the same in all processes
	Profile     string  `json:"profile"`     // default win11
	Sender      string  `json:"sender"`      // hook, own, wns or none; empty: as in dmwake load
	Work        string  `json:"work"`        // none, get, wipe, app or profile:N
	Who         string  `json:"who"`         // round or random
	Key         string  `json:"key"`         // ec or rsa
	KeyPool     int     `json:"keyPool"`     // number of RSA keys, shared by the devices
	Workers     int     `json:"workers"`     // concurrent sessions
	Resident    bool    `json:"resident"`    // keep devices and connections
	Unscheduled bool    `json:"unscheduled"` // devices ignore the schedule of the server: they poll as rate says only
	Offline     float64 `json:"offline"`     // share of devices without a network
	Drain       string  `json:"drain"`       // how long to wait for unfinished wake-ups
	Rehearse    bool    `json:"rehearse"`    // no devices; times depend on the numbers of the wake-ups
	Result      string  `json:"result"`      // file for the result of this process; -: a line on standard output
}

// pool holds the devices of this process.
type pool struct {
	options Options
	ready   chan struct{} // closed when err or run is set
	err     error
	run     *load.Run
	result  *result.Instance
	driving sync.Mutex // held while a batch runs
	singles *load.Singles
}

// open enrolls this process's part of the devices. Later calls return the same
// devices. Errors end the test with exit code 108, because a test that wakes no
// device must not pass.
func (i *instance) open(options sobek.Value) (*sobek.Promise, error) {
	state := i.vu.State()
	if state == nil {
		return nil, errors.New("call open in the default function, not in the init context, where k6 only reads the script")
	}
	o, err := readOptions(options)
	if err != nil {
		return i.abort(err), nil
	}
	share, err := shareOf(&state.Options)
	if err != nil {
		return i.abort(err), nil
	}
	ctx := i.vu.Context()
	id, testid := state.Options.RunTags["instance_id"], state.Options.RunTags["testid"]
	if !share.Whole() && id == "" {
		return i.abort(errors.New("the processes of one test need different --tag instance_id=N; without them Prometheus mixes up their series and drops samples")), nil
	}
	i.process.mu.Lock()
	p := i.process.pool
	if p == nil {
		p = &pool{options: *o, ready: make(chan struct{}), result: result.NewInstance(testid, id)}
		i.process.pool = p
		go func() {
			defer close(p.ready)
			p.run, p.err = start(ctx, o, share)
			if p.err == nil {
				p.singles = p.run.Singles()
			}
		}()
	}
	i.process.mu.Unlock()
	if p.options != *o {
		return i.abort(errors.New("open was called before with other options, and a process has one set of devices")), nil
	}
	return i.promise(true, func() (any, error) {
		<-p.ready
		if p.err != nil {
			return nil, p.err
		}
		return &Fleet{Devices: p.run.Devices(), i: i, pool: p}, nil
	}), nil
}

func readOptions(v sobek.Value) (*Options, error) {
	o := &Options{Devices: 100, Profile: "win11", Work: "none", Who: "round", Key: "ec", KeyPool: 16, Drain: "15s", Seed: 1}
	if common.IsNullish(v) {
		return o, nil
	}
	return o, strict(v, o, "open")
}

// strict reads an object of the script. An unknown name is an error that lists the
// known ones.
func strict(v sobek.Value, into any, what string) error {
	raw, err := json.Marshal(v.Export())
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		var names []string
		for f := range reflect.TypeOf(into).Elem().Fields() {
			names = append(names, f.Tag.Get("json"))
		}
		return fmt.Errorf("%s: %w; known names: %v", what, err, names)
	}
	return nil
}

// shareOf is the share of the load that the execution segment selects.
func shareOf(o *lib.Options) (result.Share, error) {
	if o.ExecutionSegment == nil {
		for _, name := range []string{"K6_EXECUTION_SEGMENT", "K6_EXECUTION_SEGMENT_SEQUENCE"} {
			if os.Getenv(name) != "" {
				return result.Share{}, fmt.Errorf("k6 ignores the environment variable %s; give --execution-segment and --execution-segment-sequence", name)
			}
		}
		return result.Share{}, nil
	}
	if o.ExecutionSegmentSequence == nil {
		return result.Share{}, errors.New("--execution-segment without --execution-segment-sequence: the owner of each device depends on all segments")
	}
	t, err := lib.NewExecutionTuple(o.ExecutionSegment, o.ExecutionSegmentSequence)
	if err != nil {
		return result.Share{}, err
	}
	first, offsets, lcd := t.GetStripedOffsets()
	s := result.Share{Of: lcd}
	for k := range offsets {
		s.Mine = append(s.Mine, first)
		first += offsets[k]
	}
	return s, nil
}

// start starts the fake WNS of this process and enrolls its devices.
func start(ctx context.Context, o *Options, share result.Share) (*load.Run, error) {
	drain, err := time.ParseDuration(o.Drain)
	if err != nil || drain < 0 {
		return nil, fmt.Errorf("drain: %q is not a duration, such as 15s", o.Drain)
	}
	work, err := load.ParseWork(o.Work)
	if err != nil {
		return nil, err
	}
	lo := &load.Options{Devices: o.Devices, Profile: o.Profile, Who: o.Who, Sender: o.Sender, Work: work, Offline: o.Offline, Key: o.Key, KeyPool: o.KeyPool, Curve: "x25519",
		Workers: o.Workers, Resident: o.Resident, Unscheduled: o.Unscheduled, Drain: drain, Seed: o.Seed, Share: share, Rehearse: o.Rehearse}
	if o.Rehearse {
		return load.Start(ctx, nil, lo)
	}
	var cfg *target.Config
	if o.Config != "" {
		if cfg, err = target.Load(o.Config); err != nil {
			return nil, err
		}
	}
	l, err := lab.Start(cfg, lab.Options{Seed: o.Seed})
	if err != nil {
		return nil, err
	}
	defer load.CollectLessEnrolling()()
	run, err := load.Start(ctx, l, lo)
	if err != nil {
		l.Close()
		return nil, err
	}
	return run, nil // the lab runs until the process ends
}

// promise returns a promise and settles it with f, in another goroutine. With fatal
// an error ends the test.
func (i *instance) promise(fatal bool, f func() (any, error)) *sobek.Promise {
	p, resolve, reject := i.vu.Runtime().NewPromise()
	done := i.vu.RegisterCallback()
	go func() {
		v, err := f()
		done(func() error {
			switch {
			case err != nil && fatal:
				return &errext.InterruptError{Reason: "dmwake: " + inKeys(err).Error()}
			case err != nil:
				return reject(i.vu.Runtime().NewGoError(err))
			}
			return resolve(v)
		})
	}()
	return p
}

func (i *instance) abort(err error) *sobek.Promise {
	return i.promise(true, func() (any, error) { return nil, err })
}

// keyOf names the options of load as the script knows them.
var keyOf = map[load.Field]string{
	"Devices": "devices", "Profile": "profile", "Who": "who", "Sender": "sender", "Work": "work", "Offline": "offline", "Key": "key", "KeyPool": "keyPool", "Workers": "workers",
	"Resident": "resident", "Drain": "drain", "Seed": "seed", "Rehearse": "rehearse", "Share": "--execution-segment", "Unscheduled": "unscheduled", "Poll": "poll", "Rate": "rate", "Duration": "duration", "Warmup": "warmup", "At": "startAt",
}

// inKeys writes an error about an option with the names that the script uses.
func inKeys(err error) error {
	e := (*load.OptionError)(nil)
	if !errors.As(err, &e) {
		return err
	}
	return errors.New(e.Named(func(f load.Field) string {
		if key, ok := keyOf[f]; ok {
			return key
		}
		return string(f)
	}))
}
