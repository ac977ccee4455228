package load

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// refused checks that Start rejects one field of the options, and returns the error.
func refused(t *testing.T, l *lab.Lab, o *Options, field Field) error {
	t.Helper()
	run, err := Start(t.Context(), l, o)
	if err == nil {
		run.Close()
		t.Fatalf("%s was accepted", field)
	}
	if e := (*OptionError)(nil); !errors.As(err, &e) || e.Field != field {
		t.Errorf("%v, want an error of %s", err, field)
	}
	return err
}

// TestRefusals: options that cannot work are rejected before anything starts.
func TestRefusals(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Mutants: []*mutants.Mutant{mutants.PfnNever}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for want, c := range map[string]struct {
		field Field
		edit  func(*Options)
	}{
		"not from 1 to":             {"Devices", func(o *Options) { o.Devices = 0 }},
		"take 10 or 15":             {"Share", func(o *Options) { o.Share = result.Share{Of: 5, Mine: []int64{0}} }},
		"neither ec nor rsa":        {"Key", func(o *Options) { o.Key = "dsa" }},
		"neither round nor random":  {"Who", func(o *Options) { o.Who = "all" }},
		"choose hook, own":          {"Sender", func(o *Options) { o.Sender = "x" }},
		"from 0 to below 1":         {"Offline", func(o *Options) { o.Offline = 1 }},
		"cannot be woken again":     {"Work", func(o *Options) { o.Work.Kind = "wipe" }},
		"-1 concurrent sessions":    {"Workers", func(o *Options) { o.Workers = -1 }},
		"0 keys":                    {"KeyPool", func(o *Options) { o.Key, o.KeyPool = "rsa", 0 }},
		"is negative":               {"Drain", func(o *Options) { o.Drain = -time.Second }},
		"open files":                {"Workers", func(o *Options) { o.Workers = 1 << 30 }},
		"a port each":               {"Resident", func(o *Options) { o.Resident, o.Devices = true, 1_000_000 }},
		"belongs to one machine":    {"State", func(o *Options) { o.State, o.Share = "x", result.Share{Of: 2, Mine: []int64{0}} }},
		"stay records":              {"Resident", func(o *Options) { o.State, o.Resident = "x", true }},
		"needs queued work":         {"Sender", func(o *Options) { o.Sender, o.Work.Kind = SenderOwn, "none" }},
		`unknown profile "win3.11"`: {"Profile", func(o *Options) { o.Profile = "win3.11" }},
	} {
		o := options(t, "15", 10*time.Second)
		c.edit(o)
		if err := refused(t, l, o, c.field); !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if _, ok := reflect.TypeFor[Options]().FieldByName(string(c.field)); !ok {
			t.Errorf("Options has no field %s", c.field)
		}
	}
	var none *EnrollError
	if _, err := Start(t.Context(), l, options(t, "15", time.Second)); !errors.As(err, &none) || none.Devices != 12 || none.Reason != "the server set no PFN in two sessions" {
		t.Errorf("no device can be enrolled: %v", err)
	}
}

// TestNamed: an error can be written with the caller's names for options.
func TestNamed(t *testing.T) {
	inner := errors.New("it is broken")
	e := optionError("KeyPool", "%d keys, %w; leave %s out", 0, inner, Field("Resident"))
	flags := func(f Field) string { return map[Field]string{"KeyPool": "--key-pool", "Resident": "--resident"}[f] }
	if got, want := e.Named(flags), "--key-pool: 0 keys, it is broken; leave --resident out"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := e.Error(), "KeyPool: 0 keys, it is broken; leave Resident out"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(e, inner) {
		t.Error("it does not wrap the cause")
	}
}

// TestOptionsUnchanged: Start uses a copy with defaults, and check changes nothing.
func TestOptionsUnchanged(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	given := options(t, "15", time.Second)
	given.Enrolled, given.Sender, given.Devices = nil, "", 1
	before := *given
	run, err := Start(t.Context(), l, given)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	if !reflect.DeepEqual(*given, before) {
		t.Errorf("Start changed the options: %+v", given)
	}
	if o := run.opts; o.Sender != SenderHook || o.Workers < 64 || o.Enrolled == nil {
		t.Errorf("defaults: %+v", o)
	}
	full := *run.opts
	full.Enrolled = nil // DeepEqual cannot compare functions
	checked := full
	if err := checked.check(l); err != nil || !reflect.DeepEqual(checked, full) {
		t.Errorf("check changed the options: %v %+v", err, checked)
	}
}
