package cli

import (
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestMisspelt: a wrong command, flag, name or value gives one line that says what was
// meant, or what it takes, in plain words.
func TestMisspelt(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"tset":                                `unknown command "tset"; did you mean test?; dmwake --help lists all of them`,
		"nothing-of-the-kind":                 `unknown command "nothing-of-the-kind"; dmwake --help lists all of them`,
		"help nope":                           `unknown command "nope"; dmwake --help lists all of them`,
		"help device rnu":                     `unknown command "rnu"; did you mean run?; dmwake device --help lists all of them`,
		"device rnu":                          `unknown command "rnu"; did you mean run?; dmwake device --help lists all of them`,
		"report dif":                          `unknown command "dif"; did you mean diff?; dmwake report --help lists all of them`,
		"test --are PFN":                      `unknown flag: --are; did you mean --area?; dmwake test --help lists the flags`,
		"test --only pfn-003":                 `unknown scenario pfn-003; did you mean PFN-03?; dmwake test --list shows all of them`,
		"test --area SESS":                    `unknown area SESS; did you mean SES?; dmwake test --list shows all of them`,
		"test --mutant pfn-atomik":            `--mutant: unknown mutant "pfn-atomik"; did you mean pfn-atomic?; dmwake mdm --list-mutants shows them all`,
		"repro add-pfn":                       `unknown reproduction "add-pfn"; did you mean add-pfn-418?;`,
		"device run --allow-http=maybe":       `--allow-http: "maybe" is neither true nor false; dmwake device run --help lists the flags`,
		"load --duration 5x":                  `--duration: "5x" is no duration, such as 500ms, 30s or 1h30m; dmwake load --help lists the flags`,
		"load --devices many":                 `--devices: "many" is no whole number that fits;`,
		"load --seed -1":                      `--seed: "-1" is no whole number from 0 that fits;`,
		"load --offline much":                 `--offline: "much" is no number;`,
		"mdm --variant csp-speled --listen x": `--variant: unknown variant "csp-speled"; did you mean csp-spelled?;`,
	} {
		var out, errs strings.Builder
		code := Main(strings.Fields(line), &out, &errs)
		if got := errs.String(); code != exitUsage || !strings.HasPrefix(got, "dmwake: "+want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: exit code %d: %s", line, code, got)
		}
		for _, inner := range []string{"strconv", "time: ", "invalid syntax", "pflag"} {
			if strings.Contains(errs.String(), inner) {
				t.Errorf("%s: %q is in the error: %s", line, inner, errs.String())
			}
		}
	}
}

// TestSamples: every command has examples, and each is one: the command is there, and
// takes those flags and arguments.
func TestSamples(t *testing.T) {
	t.Parallel()
	root := rootCommand(&streams{io.Discard, io.Discard})
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.IsAvailableCommand() && c.Name() != "completion" && c.Parent() != nil && c.Parent().Name() != "completion" && c.Name() != "help" && c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for _, k := range c.Commands() {
			walk(k)
		}
	}
	walk(root)
	for path, text := range samples {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			split, err := exec.Command("sh", "-c", `printf '%s\n' `+line).Output()
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			words := strings.Split(strings.TrimSuffix(string(split), "\n"), "\n")
			fresh := rootCommand(&streams{io.Discard, io.Discard})
			c, rest, err := fresh.Find(words[1:])
			if err != nil || c.CommandPath() != path && !strings.HasPrefix(c.CommandPath(), path+" ") {
				t.Errorf("%q is an example of %s, and runs %s: %v", line, path, c.CommandPath(), err)
				continue
			}
			if c.DisableFlagParsing {
				continue
			}
			if err := c.ParseFlags(rest); err != nil {
				t.Errorf("%s: %v", line, err)
			} else if err := c.ValidateArgs(c.Flags().Args()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}

// TestNamesComplete: the shell completes names of scenarios, areas, mutants, variants and
// profiles.
func TestNamesComplete(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"test --only PFN-0": "PFN-03\t", "test --area P": "PFN\n", "test --mutant pfn-a": "pfn-atomic\t", "mdm --variant csp-": "csp-spelled\t",
		"load --profile win10": "win10-22h2\t", "repro add-": "add-pfn-418", "load --sender h": "hook\n", "load --key e": "ec\n", "test --fail-on p": "partial\n", "mdm --encoding w": "wbxml\n", "init --preset r": "reference",
		"csp ./Device/Vendor/MSFT/Bit": "./Device/Vendor/MSFT/BitLocker", "csp list BitL": "BitLocker\n", "device compare --quirk pfn": "pfn-errors\t", "explain 0x8018": "0x80180006",
	} {
		var out, errs strings.Builder
		words := strings.Fields(line)
		if code := Main(append([]string{"__complete"}, words...), &out, &errs); code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit code %d, %q is not in\n%s%s", line, code, want, out.String(), errs.String())
		}
	}
}

// TestVersion prints what a bug report needs.
func TestVersion(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	if code := Main([]string{"version"}, &out, &errs); code != 0 || !strings.HasPrefix(out.String(), "dmwake ") || !strings.Contains(out.String(), "\ngo      go1.") {
		t.Errorf("exit code %d: %s%s", code, out.String(), errs.String())
	}
}
