package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/repro"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// known reports whether explain knows a code, and not only its family.
func known(code string) bool {
	found := explain.Read(code).Found
	return len(found) > 0 && !strings.Contains(found[0].Means, "nothing more is known")
}

// TestPrintedCodes: each code of Windows that the device, the scenarios or the fake
// WNS print is known to explain. The codes are taken from their source.
func TestPrintedCodes(t *testing.T) {
	code := regexp.MustCompile(`\b0x[8c][0-9a-fA-F]{7}\b|"-2[0-9]{9}"`)
	at := map[string][]string{}
	for _, dir := range []string{"simulator", "scenarios", "fakewns", "harness/lab", "harness/doctor"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			raw, err := os.ReadFile(path)
			for _, c := range code.FindAllString(string(raw), -1) {
				c = strings.Trim(c, `"`)
				at[c] = append(at[c], path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	delete(at, "0x80190000") // the beginning of a family
	for c, paths := range at {
		if !known(c) {
			t.Errorf("explain does not know %s of %s", c, paths[0])
		}
	}
	if len(at) < 40 {
		t.Errorf("only %d codes were found in the source", len(at))
	}
}

// TestShownCodes: what Windows shows for the errors of an enrollment, by its step
// and status, is known to explain; and so is every subcode of a fault, as the same
// code.
func TestShownCodes(t *testing.T) {
	for _, step := range []string{enroll.StepReach, enroll.StepDiscover, enroll.StepPolicies, enroll.StepToken, enroll.StepSignIn, enroll.StepRenew, enroll.StepInstall} {
		for status := 100; status < 600; status++ {
			e := &enroll.Error{Step: step, Status: status, Err: fmt.Errorf("HTTP status %d", status)}
			if hr := e.HResult(); !known(hr) {
				t.Errorf("%s, %d: explain does not know %q", step, status, hr)
			}
		}
	}
	n := 0
	for _, f := range explain.All() {
		for _, word := range []string{"MessageFormat", "Authentication", "Authorization", "CertificateRequest", "EnrollmentServer", "InternalServiceFault", "InvalidSecurity", "DeviceCapReached",
			"DeviceNotSupported", "NotSupported", "NotEligibleToRenew", "InMaintenance", "UserLicense", "InvalidEnrollmentData", "CustomServerError"} {
			if found := explain.Read("s:" + word).Found; len(found) == 1 && found[0].Code == f.Code {
				n++
				if hr := (&enroll.Fault{Subcode: word}).HResult(); hr != f.Code {
					t.Errorf("%s: the device shows %q, explain says %s", word, hr, f.Code)
				}
			}
		}
	}
	if n != 15 {
		t.Errorf("%d subcodes", n)
	}
}

// TestNoDeadEnds: what explain names exists (scenarios, commands, reproductions,
// faults), and what names explain gets an answer (reproductions, documents,
// scenarios).
func TestNoDeadEnds(t *testing.T) {
	ids := map[string]bool{}
	for _, s := range scenarios.All() {
		ids[s.ID] = true
	}
	option := regexp.MustCompile(`--(fault|only|profile) (\S+)`)
	for _, f := range explain.All() {
		for _, id := range f.Scenarios {
			if !ids[id] {
				t.Errorf("%s %s: there is no scenario %s", f.Where, f.Code, id)
			}
		}
		for _, page := range f.Docs {
			if _, err := os.Stat(filepath.Join(root, "harness/docs", page)); err != nil {
				t.Errorf("%s %s: %v", f.Where, f.Code, err)
			}
		}
		commands := f.Shows
		for _, text := range append(slices.Clone(f.Do), append(slices.Clone(f.Causes), f.Means)...) {
			for _, m := range regexp.MustCompile(`dmwake explain [^.;)]+`).FindAllString(text, -1) {
				commands = append(commands, strings.TrimSuffix(strings.TrimSpace(m), " says more"))
			}
		}
		for _, c := range commands {
			args := strings.Fields(c)
			if args[0] != "dmwake" || parses(args[1:]) != nil {
				t.Errorf("%s %s: %q is no command (%v)", f.Where, f.Code, c, parses(args[1:]))
				continue
			}
			switch {
			case args[1] == "repro" && len(args) > 2:
				if _, err := repro.ByName(args[2]); err != nil {
					t.Errorf("%s: %v", f.Code, err)
				}
			case args[1] == "explain":
				hasAnswer(t, f.Code, strings.Join(args[2:], " "))
			}
			for _, m := range option.FindAllStringSubmatch(c, -1) {
				switch m[1] {
				case "fault":
					if _, err := faults.New(m[2]); err != nil {
						t.Errorf("%s: %q: %v", f.Code, c, err)
					}
				case "only":
					for _, id := range strings.Split(m[2], ",") {
						if !ids[id] {
							t.Errorf("%s: %q: there is no scenario %s", f.Code, c, id)
						}
					}
				case "profile":
					if _, err := dmclient.ProfileByName(m[2]); err != nil {
						t.Errorf("%s: %q: %v", f.Code, c, err)
					}
				}
			}
		}
	}
	for _, c := range repro.All() {
		if c.Explain != "" {
			hasAnswer(t, "repro "+c.Name, c.Explain)
		}
	}
	named := regexp.MustCompile("dmwake explain ([^`\"\\n#|]+)")
	pages, err := filepath.Glob(filepath.Join(root, "harness/docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Glob(filepath.Join(root, "scenarios/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, page := range append(append(pages, source...), filepath.Join(root, "README.md")) {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(raw), -1) {
			text := strings.TrimSpace(m[1])
			if strings.HasPrefix(text, "--") || strings.HasPrefix(text, "-") && !strings.ContainsAny(text, "0123456789") || strings.HasPrefix(text, "TEXT") {
				continue
			}
			n++
			hasAnswer(t, filepath.Base(page), strings.Trim(text, "'"))
		}
	}
	if n < 8 {
		t.Errorf("%d uses of explain in the documents", n)
	}
}

// hasAnswer checks that explain says something, and leaves no code out.
func hasAnswer(t *testing.T, who, text string) {
	t.Helper()
	var out, errs bytes.Buffer
	if err := explainText(&streams{&out, &errs}, text); err != nil {
		t.Errorf("%s: dmwake explain %s: %v", who, text, err)
	} else if strings.Contains(out.String(), "unknown code") {
		t.Errorf("%s: dmwake explain %s leaves a code out:\n%s", who, text, &out)
	}
}
