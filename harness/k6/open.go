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
	"github.com/dmwake/dmwake/harness/target"
)

// Options are those of open, as the script gives them.
type Options struct {
	Devices  int     `json:"devices"`  // of all processes together
	Config   string  `json:"config"`   // of the server; empty: the embedded one
	Seed     uint64  `json:"seed"`     // of the identities, the same in all processes
	Profile  string  `json:"profile"`  // default win11
	Sender   string  `json:"sender"`   // hook, own, wns or none; default as dmwake load's
	Work     string  `json:"work"`     // none, get, wipe or profile:N
	Who      string  `json:"who"`      // round or random
	Key      string  `json:"key"`      // ec or rsa
	KeyPool  int     `json:"keyPool"`  // RSA keys that the devices share
	Workers  int     `json:"workers"`  // sessions at a time
	Resident bool    `json:"resident"` // keep devices and connections
	Offline  float64 `json:"offline"`  // share of devices without a network
	Drain    string  `json:"drain"`    // how long to wait for what is under way
	Rehearse bool    `json:"rehearse"` // no devices: times follow from numbers
	Result   string  `json:"result"`   // file of this process's result, - for a line on standard output
}

// pool is the devices of this process.
type pool struct {
	options Options
	ready   chan struct{} // closed when err or run is there
	err     error
	run     *load.Run
	result  *load.Instance
	driving sync.Mutex // held by who drives a batch
	singles *load.Singles
}

// open enrolls this process's part of the devices, once: the VUs that ask for
// them later get the same. What goes wrong ends the test, with exit code 108: one
// that wakes nobody is not one that passed.
func (i *instance) open(options sobek.Value) (*sobek.Promise, error) {
	state := i.vu.State()
	if state == nil {
		return nil, errors.New("open is called in the default function, not in the init context: no device is to be enrolled while k6 only reads the script")
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
		return i.abort(errors.New("the processes of one test need --tag instance_id=N, different in each, or Prometheus mixes their series up and drops half of them")), nil
	}
	i.process.mu.Lock()
	p := i.process.pool
	if p == nil {
		p = &pool{options: *o, ready: make(chan struct{}), result: load.NewInstance(testid, id)}
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
		return i.abort(errors.New("open was called before with other options: one process has one set of devices")), nil
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

// strict reads an object of the script; an unknown name is an error that tells
// those there are.
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
		return fmt.Errorf("%s: %w; there are %v", what, err, names)
	}
	return nil
}

// shareOf is the part of the load that the execution segment says.
func shareOf(o *lib.Options) (load.Share, error) {
	if o.ExecutionSegment == nil {
		for _, name := range []string{"K6_EXECUTION_SEGMENT", "K6_EXECUTION_SEGMENT_SEQUENCE"} {
			if os.Getenv(name) != "" {
				return load.Share{}, fmt.Errorf("k6 ignores the environment variable %s: give --execution-segment and --execution-segment-sequence", name)
			}
		}
		return load.Share{}, nil
	}
	if o.ExecutionSegmentSequence == nil {
		return load.Share{}, errors.New("--execution-segment without --execution-segment-sequence: how the rest is divided says whose each device is")
	}
	t, err := lib.NewExecutionTuple(o.ExecutionSegment, o.ExecutionSegmentSequence)
	if err != nil {
		return load.Share{}, err
	}
	first, offsets, lcd := t.GetStripedOffsets()
	s := load.Share{Of: lcd}
	for k := range offsets {
		s.Mine = append(s.Mine, first)
		first += offsets[k]
	}
	return s, nil
}

// start brings up the fake WNS of this process, and enrolls its devices.
func start(ctx context.Context, o *Options, share load.Share) (*load.Run, error) {
	drain, err := time.ParseDuration(o.Drain)
	if err != nil || drain < 0 {
		return nil, fmt.Errorf("drain %q is no duration, such as 15s", o.Drain)
	}
	work, err := load.ParseWork(o.Work)
	if err != nil {
		return nil, fmt.Errorf("work %w", err)
	}
	lo := &load.Options{Devices: o.Devices, Profile: o.Profile, Who: o.Who, Sender: o.Sender, Work: work, Offline: o.Offline, Key: o.Key, KeyPool: o.KeyPool, Curve: "x25519",
		Workers: o.Workers, Resident: o.Resident, Drain: drain, Seed: o.Seed, Share: share, Rehearse: o.Rehearse, Enrolled: func(int, int) {}}
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
	if lo.Sender == "" {
		lo.Sender = load.DefaultSender(l)
	}
	run, err := load.Start(ctx, l, lo)
	if err != nil {
		l.Close()
		return nil, err
	}
	return run, nil // the lab lives as long as the process
}

// promise is one that f fulfills, on a goroutine of its own. With fatal, an error
// ends the test.
func (i *instance) promise(fatal bool, f func() (any, error)) *sobek.Promise {
	p, resolve, reject := i.vu.Runtime().NewPromise()
	done := i.vu.RegisterCallback()
	go func() {
		v, err := f()
		done(func() error {
			switch {
			case err != nil && fatal:
				return &errext.InterruptError{Reason: "dmwake: " + err.Error()}
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
