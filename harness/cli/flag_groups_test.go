package cli

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand calls f with each command.
func everyCommand(f func(*cobra.Command)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		f(c)
		for _, k := range c.Commands() {
			walk(k)
		}
	}
	walk(rootCommand(&streams{io.Discard, io.Discard}))
}

// manyFlags is how many flags a reader finds without groups.
const manyFlags = 8

// TestFlagGroups: where a command has many flags, each is in one group, and the groups
// have no flag that the command lacks.
func TestFlagGroups(t *testing.T) {
	t.Parallel()
	left := map[string]bool{}
	for path := range grouped {
		left[path] = true
	}
	everyCommand(func(c *cobra.Command) {
		delete(left, c.CommandPath())
		flags := map[string]int{}
		for _, g := range FlagGroups(c) {
			g.Flags.VisitAll(func(f *pflag.Flag) {
				flags[f.Name]++
				if g.Title == "" && f.Name != "help" && len(grouped[c.CommandPath()]) > 0 {
					t.Errorf("%s: --%s is in no group", c.CommandPath(), f.Name)
				}
			})
		}
		if len(flags) > manyFlags+1 && grouped[c.CommandPath()] == nil {
			t.Errorf("%s has %d flags and no groups", c.CommandPath(), len(flags))
		}
		titles := map[string]bool{}
		for _, g := range grouped[c.CommandPath()] {
			if titles[g.title] {
				t.Errorf("%s has two groups %q", c.CommandPath(), g.title)
			}
			titles[g.title] = true
			for name := range strings.FieldsSeq(g.flags) {
				if flags[name] != 1 {
					t.Errorf("%s: --%s of group %q is shown %d times", c.CommandPath(), name, g.title, flags[name])
				}
			}
		}
	})
	for path := range left {
		t.Errorf("there are groups for %s, which is no command", path)
	}
}

// TestGroupsAreShown: help has the groups in their order, with their flags, and each flag
// once.
func TestGroupsAreShown(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	if code := Main([]string{"load", "--help"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	text := out.String()
	for _, want := range []string{"\nThe server:\n", "--config string", "\nThe devices:\n", "--devices int", "\nWhen:\n", "--duration duration", "\nOutput:\n", "--html string", "\nOther:\n", "-h, --help"} {
		_, rest, found := strings.Cut(text, want)
		if !found {
			t.Fatalf("%q is not there, or in the wrong place:\n%s", want, out.String())
		}
		text = rest
	}
	if n := strings.Count(out.String(), " --devices int "); n != 1 {
		t.Errorf("--devices is shown %d times", n)
	}
	out.Reset()
	if code := Main([]string{"device"}, &out, &errs); code != 0 || strings.Contains(out.String(), "--discovery string") || !strings.Contains(out.String(), "\n  enroll ") || strings.Contains(out.String(), "dmwake device [flags]") {
		t.Errorf("exit code %d: %s", code, out.String())
	}
}

// TestDeviceFlags: each device command has the flags that make a difference to it, and
// says of the others that they do not apply.
func TestDeviceFlags(t *testing.T) {
	t.Parallel()
	const (
		tree     = "state config ddf"
		server   = tree + " discovery username ca connect"
		sessions = server + " allow-http fault quirk accept-unknown entra-token quiet verbose reveal"
	)
	have := map[string]string{
		"enroll": sessions + " count profile type key key-pool seed plain-csr no-sync cert cert-key entra terms refuse-terms entra-audience entra-tenant name hwdevid serial attestation again resume",
		"adopt":  server + " quirk server provider-id cert key device-id enrollment-url profile",
		"sync":   sessions,
		"run":    sessions + " duration link wns wns-listen proxy ca-dir pfn sid app-kind tenant client-id",
		"list":   "state json", "show": tree + " path no-transcript reveal", "set": tree,
		"compare":  "ddf quirk accept-unknown profile json",
		"unenroll": sessions + " all forget", "wipe": tree + " all forget",
		"faults": "", "quirks": "",
	}
	all := map[string]bool{}
	everyCommand(func(c *cobra.Command) {
		if !strings.HasPrefix(c.CommandPath(), "dmwake device ") {
			return
		}
		want, ok := have[c.Name()]
		if !ok {
			t.Errorf("device %s is not in the table", c.Name())
		}
		var flags []string
		for _, g := range FlagGroups(c) {
			g.Flags.VisitAll(func(f *pflag.Flag) {
				if f.Name != "help" {
					flags = append(flags, f.Name)
					all[f.Name] = true
				}
			})
		}
		sorted := strings.Fields(want)
		slices.Sort(sorted)
		slices.Sort(flags)
		if !slices.Equal(flags, sorted) {
			t.Errorf("device %s has\n%v, want\n%v", c.Name(), flags, sorted)
		}
	})
	for name, flags := range have {
		for flag := range all {
			if slices.Contains(strings.Fields(flags), flag) {
				continue
			}
			var out, errs strings.Builder
			code := Main([]string{"device", name, "--" + flag}, &out, &errs)
			if want := "dmwake: --" + flag + " does not apply to dmwake device " + name + ", only to "; code != exitUsage || !strings.HasPrefix(errs.String(), want) {
				t.Errorf("exit code %d, said %q, want %q", code, errs.String(), want)
			}
		}
	}
}
