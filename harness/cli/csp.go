package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/paste"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

type cspFlags struct {
	ddf, build, profile string
	json, strict        bool
}

func cspCommand(s *streams) *cobra.Command {
	var f cspFlags
	c := &cobra.Command{
		Use:   "csp PATH",
		Short: "Say what a node of Windows' management tree takes, and check commands before they are sent",
		Long: `Knows every configuration service provider (CSP) and policy that Microsoft describes in
its DDF v2 files, and what the simulated device has besides. PATH is a LocURI, or the end of
one: it prints the node's operations, format, values, builds, scope and source.

  dmwake csp ./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera
  dmwake csp Camera/AllowCamera              # the end of a path is enough
  dmwake csp search bitlocker recovery       # the nodes whose path has all these words
  dmwake csp list                            # all CSPs and policy areas
  dmwake csp list Policy/Camera              # the nodes of one
  dmwake csp check profile.xml --build 22631 # what a build says about a file of commands

Exit codes: 0 the node is known, 2 it is not, or usage.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("dmwake csp takes one path, but got %d; dmwake csp --help shows examples", len(args)))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := f.set()
			if err != nil {
				return err
			}
			return s.cspNode(set, args[0], f.json)
		},
	}
	fl := c.PersistentFlags()
	fl.StringVar(&f.ddf, "ddf", "", "a zip of DDF v2 files to use instead of the embedded facts: a newer set, or your own")
	fl.BoolVar(&f.json, "json", false, "print as JSON")
	c.AddCommand(cspSearch(s, &f), cspList(s, &f), cspCheck(s, &f))
	return c
}

// set is the embedded set, or the one of --ddf, and the simulated device's nodes.
func (f *cspFlags) set() (*ddf.Set, error) {
	if f.ddf == "" {
		set, err := ddf.Facts()
		if err != nil {
			return nil, err
		}
		return set.WithOwn()
	}
	set, err := ddf.ZipSet(f.ddf)
	if err != nil {
		return nil, usage(fmt.Errorf("--ddf: %w", err))
	}
	return set.WithOwn()
}

func cspSearch(s *streams, f *cspFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "search WORD...",
		Short: "List the nodes whose path has all the words",
		Long: `Lists the nodes whose path has all the words, in any case; the shortest paths come first.

  dmwake csp search defender cloud

Exit codes: 0 something was found, 2 nothing was, or usage.`,
		Args: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(strings.Join(args, "")) == "" {
				return usage(errors.New("dmwake csp search needs a word, such as AllowCamera"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := f.set()
			if err != nil {
				return err
			}
			found := set.Search(args...)
			if len(found) == 0 {
				return usage(fmt.Errorf("no path has %s%s", strings.Join(args, " and "), meant(set.Near(args[0]))))
			}
			return s.cspNodes(found, f.json)
		},
	}
}

func cspList(s *streams, f *cspFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list [CSP]",
		Short: "List all CSPs and policy areas, or the nodes of one",
		Long: `Lists all CSPs and policy areas with the number of their nodes, or the nodes of one.

  dmwake csp list
  dmwake csp list BitLocker
  dmwake csp list Policy/Camera

Exit codes: 0, or 2 for an unknown CSP or usage.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(fmt.Errorf("dmwake csp list takes one CSP or area, but got %d", len(args)))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := f.set()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return s.cspAreas(set, f.json)
			}
			var found []*ddf.Node
			nodes := set.Nodes()
			area, near := areaOf(set, args[0])
			if area == "" {
				return usage(fmt.Errorf("no CSP or area %q%s", args[0], cmp.Or(meant(near), "; dmwake csp list shows all")))
			}
			for i := range nodes {
				if strings.EqualFold(nodes[i].Area(), area) {
					found = append(found, &nodes[i])
				}
			}
			return s.cspNodes(found, f.json)
		},
	}
}

func cspCheck(s *streams, f *cspFlags) *cobra.Command {
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Check the commands in a file against the tree of a build, before they are sent",
		Long: `Checks each command of a file: does the node exist, in this scope, on that build; does it take
the operation, the format and the value; does it need an Atomic. FILE is a SyncML message, one
or several commands such as <Replace>, a wap-provisioningdoc, or a JSON list of commands:
[{"verb": "Replace", "locURI": "./...", "format": "int", "data": "1"}]. "-" reads standard input.

  dmwake csp check profile.xml
  dmwake csp check profile.xml --build 22631.2506
  dmwake csp check profile.xml --profile win11 --strict

Each finding has its line and column. An error is what the description does not allow. A warning
is what may be meant, such as a node that the build lacks. A node that nothing here describes is
unknown, never an error. Without --build or --profile nothing is said about builds.

Exit codes: 0 no errors, 1 errors (with --strict also warnings), 2 the file could not be read,
or usage.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("dmwake csp check takes one file, or - for standard input, but got %d", len(args)))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return s.checkFile(f, c, args[0]) },
	}
	fl := c.Flags()
	fl.StringVar(&f.build, "build", "", "the Windows build, such as 22631 (with all updates) or 22631.2506")
	fl.StringVar(&f.profile, "profile", "", "a profile of \"dmwake device run\", whose build to use")
	fl.BoolVar(&f.strict, "strict", false, "exit with 1 for warnings, too")
	exclude(c, "build", "profile")
	return c
}

func (s *streams) checkFile(f *cspFlags, c *cobra.Command, path string) error {
	build, err := f.windows()
	if err != nil {
		return usage(err)
	}
	set, err := f.set()
	if err != nil {
		return err
	}
	b, err := paste.Load(path, c.InOrStdin())
	if err != nil {
		return usage(err)
	}
	name := path
	if path == "-" {
		name = "standard input"
	}
	checker, err := ddf.NewChecker(set, build)
	if err != nil {
		return err
	}
	r, err := checker.Document(b)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", name, err))
	}
	bad := 0
	for i := range r.Findings {
		if l := r.Findings[i].Level; l == ddf.Error || f.strict && l == ddf.Warning {
			bad++
		}
	}
	redactChecked(&r)
	if build.Number > 0 && !slices.Contains(released, build.Number) {
		say(s.err, "%s: build %d is of no Windows that was released by 2025; it is judged by its number alone\n", name, build.Number)
	}
	if f.json {
		err = s.cspJSON(cspChecked{File: name, Edition: set.Edition, Build: build, Report: r})
	} else {
		s.cspFindings(name, set.Edition, build, &r)
	}
	if err == nil && bad > 0 {
		return &exitError{exitFailed, errSilent}
	}
	return err
}

// released are the builds of Windows 10, 11 and Server since 2016, until 25H2 (Learn,
// "Windows release health"): another number may be a slip.
var released = []int{10240, 10586, 14393, 15063, 16299, 17134, 17763, 18362, 18363, 19041, 19042, 19043, 19044, 19045, 20348, 22000, 22621, 22631, 25398, 26100, 26200}

// cspChecked is the result of "dmwake csp check --json".
type cspChecked struct {
	File    string    `json:"file"`
	Edition string    `json:"ddf"`
	Build   ddf.Build `json:"build,omitzero"`
	ddf.Report
}

// windows is the build of --build or --profile.
func (f *cspFlags) windows() (ddf.Build, error) {
	var b ddf.Build
	switch {
	case f.build != "":
		var err error
		if b, err = ddf.ParseBuild(f.build); err != nil {
			return b, fmt.Errorf("--build: %w", err)
		}
	case f.profile != "":
		p, err := dmclient.ProfileByName(f.profile)
		if err != nil {
			return b, fmt.Errorf("--profile: %w", err)
		}
		b.Number = p.Build
	default:
		return b, nil
	}
	if b.Number < ddf.Oldest || !b.Released() {
		return b, fmt.Errorf("the DDF files of Microsoft describe Windows 10 and later, from build %d; they say nothing about build %d", ddf.Oldest, b.Number)
	}
	return b, nil
}

func (s *streams) cspJSON(v any) error {
	enc := json.NewEncoder(s.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// meant names what a mistyped word may mean.
func meant(near []string) string {
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, ", ") + "?"
}
