package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// consistent refuses flags that have no part in what is asked for.
func (e *enrollFlags) consistent(c *cobra.Command, names []string) error {
	if e.again && len(names) == 0 {
		return errors.New("--again needs the devices to enroll; dmwake device list shows them")
	}
	if !e.resume {
		return nil
	}
	if len(names) > 0 {
		return errors.New("--resume goes on with all devices that are begun; name none")
	}
	for _, name := range []string{"count", "profile", "type", "seed", "name", "hwdevid", "serial", "again"} {
		if c.Flags().Changed(name) {
			return fmt.Errorf("--%s has no part in --resume: the devices are in the file as they began", name)
		}
	}
	return nil
}

// begunNote is where the file keeps the flags of the last enrollment.
const begunNote = "enroll"

// resumed are the flags that --resume takes from the enrollment it goes on with.
var resumed = []string{"key", "key-pool", "plain-csr", "no-sync", "attestation", "cert", "cert-key", "entra", "entra-token", "entra-audience", "entra-tenant",
	"terms", "refuse-terms"}

// remember stores the flags of an enrollment, or for --resume takes those that were
// not given from the file.
func (e *enrollFlags) remember(b *bench, f *deviceFlags, flags *pflag.FlagSet) error {
	kept := map[string]string{}
	if e.resume {
		raw, err := b.store.Meta(begunNote)
		if err == nil && raw != nil {
			err = json.Unmarshal(raw, &kept)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.state, err)
		}
		for _, name := range resumed {
			if v, ok := kept[name]; ok && !flags.Changed(name) {
				if err := flags.Set(name, v); err != nil {
					return fmt.Errorf("--%s, which %s keeps: %w", name, f.state, err)
				}
			}
		}
	}
	f.directory = &directoryFlags{listen: e.entra, tenant: e.tenant, audience: e.audience}
	for _, name := range resumed {
		if !flags.Changed(name) {
			continue
		}
		v := flags.Lookup(name).Value.String()
		if name == "cert" || name == "cert-key" {
			whole, err := filepath.Abs(v)
			if err != nil {
				return fmt.Errorf("--%s: %w", name, err)
			}
			v = whole
		}
		kept[name] = v
	}
	raw, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return b.store.PutMeta(begunNote, raw)
}

// begin stores the devices before anything of them reaches the server.
func (b *bench) begin(rows []row, add bool) error {
	var broken error
	err := b.store.Begin(add, func(yield func(*dmclient.Device) bool) {
		for _, r := range rows {
			more := false
			broken = b.fleet.Do(context.Background(), r.i, func(d *dmclient.Device) error { more = yield(d); return nil })
			if broken != nil || !more {
				return
			}
		}
	})
	switch {
	case errors.Is(err, fleet.ErrKnown):
		return usage(fmt.Errorf("%w; choose another --seed, or go on with --resume if the device is begun", err))
	case err != nil:
		return usage(fmt.Errorf("no device is enrolled: %w", err))
	}
	return broken
}

// undecided reports whether the server may have a device whose enrollment failed.
func undecided(err error) bool {
	var e *enroll.Error
	return errors.Is(err, dmclient.ErrNotStored) || errors.As(err, &e) && e.Step == enroll.StepToken && e.Status == 0
}

// enrollAll enrolls devices, each of which is in the file before the server hears of
// it. add says that the file does not have them yet.
func (b *bench) enrollAll(ctx context.Context, rows []row, e *enrollFlags, add bool) error {
	if len(rows) == 0 {
		b.print.line("%s has no device whose enrollment began and did not end", b.f.state)
		return nil
	}
	if err := b.begin(rows, add); err != nil {
		return err
	}
	if add {
		b.rows = append(b.rows, rows...)
	}
	defer b.serve("dmwake device enroll")()
	going, stop := context.WithCancel(ctx)
	defer stop()
	step := b.progress("enrolled", len(rows))
	failed := b.fleet.Each(going, indexes(rows), func(_ int, d *dmclient.Device) error {
		defer step()
		err := b.enrollOne(going, d, e, len(rows) <= 20)
		if errors.Is(err, dmclient.ErrNotStored) {
			stop() // a server would have devices that the file cannot keep
		}
		return err
	})
	return b.enrollmentEnded(ctx, going, rows, failed, e)
}

func (b *bench) enrollOne(ctx context.Context, d *dmclient.Device, e *enrollFlags, few bool) error {
	if err := d.Enroll(ctx, dmclient.EnrollOptions{PlainCSR: e.plain, Again: e.again || e.resume}); err != nil {
		return err
	}
	e.admission.enrolled(ctx, b, d)
	if few && !b.f.verbose && !b.f.quiet {
		b.print.line("%-16s %s  %s enrolled at %s", d.Identity().Name, d.Identity().DeviceID, d.Profile().Name, d.Address())
	}
	if e.noSync {
		return nil
	}
	s, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	b.held(d, s, err)
	e.admission.hadSession(ctx, b, d, s)
	if err != nil {
		b.print.line("%-16s enrolled, but its first session failed: %s", d.Identity().Name, wording.Error(err))
	}
	return nil
}

// enrollmentEnded says what came of the enrollments, and takes those out of the file
// that failed for good.
func (b *bench) enrollmentEnded(ctx, going context.Context, rows []row, failed map[int]error, e *enrollFlags) error {
	var over []string // the server does not have them
	begun := 0
	for _, r := range rows {
		switch err := failed[r.i]; {
		case err == nil:
		case r.begun, going.Err() != nil && !isAnswered(err), undecided(err):
			begun++ // r.begun: the server may have it from before
			if errors.Is(err, context.Canceled) {
				delete(failed, r.i) // it is told as begun
			}
		default:
			over = append(over, r.id)
		}
	}
	if len(over) > 0 {
		if err := b.store.Abandon(over); err != nil {
			return usage(err)
		}
	}
	done := len(rows) - begun - len(over)
	b.print.line("%s enrolled, stored in %s", wording.Count(done, "device"), b.f.state)
	if begun > 0 {
		b.print.line("%s begun, kept there; dmwake device enroll --resume goes on", wording.Count(begun, "device"))
	}
	err := b.outcome(ctx, len(rows), failed, "be enrolled")
	switch rest := b.rest(); {
	case err != nil:
		return err
	case ctx.Err() != nil && begun > 0:
		return &exitError{exitInterrupted, errSilent}
	case rest != nil:
		return rest
	}
	return e.admission.outcome()
}

// isAnswered reports whether the server answered the enrollment, and refused it.
func isAnswered(err error) bool {
	var e *enroll.Error
	return errors.As(err, &e) && e.Status != 0
}

// progress shows how many of many devices are done, on a terminal only.
func (b *bench) progress(what string, total int) (step func()) {
	screen := screenOf(b.s.out)
	if total < 20 || b.f.verbose || b.f.quiet || screen == nil {
		return func() {}
	}
	var mu sync.Mutex
	done := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		switch {
		case done == total:
			screen.Show()
		case done%max(1, total/200) == 0:
			screen.Show(fmt.Sprintf("%d of %d %s", done, total, what))
		}
	}
}
