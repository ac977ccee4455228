package cli

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// arguments complete what stands after a command without a flag, by command.
var arguments = map[string]cobra.CompletionFunc{
	"dmwake csp": nodes, "dmwake csp list": areas,
	"dmwake device show": deviceNames, "dmwake device sync": deviceNames, "dmwake device set": deviceNames, "dmwake device wipe": deviceNames, "dmwake device unenroll": deviceNames, "dmwake device enroll": deviceNames,
}

// deviceNames are those of the file, by name. While another process has the file, there are
// none to offer.
func deviceNames(c *cobra.Command, _ []string, _ string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
	path := c.Flag("state").Value.String()
	if _, err := os.Stat(path); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	store, err := fleet.Open(path)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer store.Close() //nolint:errcheck // it was only read
	err = store.Each(func(e fleet.Entry) error {
		d, err := store.Unpack(dmclient.Config{WNS: unattended{}}, e.Record)
		if err != nil {
			return err
		}
		if out = append(out, cobra.CompletionWithDesc(d.Identity().Name, e.DeviceID)); len(out) == mostOffered {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// mostOffered is how many names help anybody.
const mostOffered = 500

var errEnough = errors.New("enough")

// areas are the CSPs and policy areas.
func areas(*cobra.Command, []string, string) (out []cobra.Completion, _ cobra.ShellCompDirective) { //nolint:unparam // the form that cobra asks for
	set, err := (&cspFlags{}).set()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, a := range set.Areas() {
		out = append(out, a.Name)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// nodes are the paths that begin with what is typed, up to the next slash.
func nodes(_ *cobra.Command, args []string, typed string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
	set, err := (&cspFlags{}).set()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	seen := map[string]bool{}
	list := set.Nodes()
	for i := range list {
		if path, ok := nextPart(&list[i], typed); ok && !seen[path] {
			seen[path] = true
			out = append(out, path)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func nextPart(n *ddf.Node, typed string) (path string, ok bool) {
	if len(n.Path) < len(typed) || !strings.EqualFold(n.Path[:len(typed)], typed) {
		return "", false
	}
	if i := strings.IndexByte(n.Path[len(typed):], '/'); i >= 0 {
		return n.Path[:len(typed)+i], len(typed)+i > 1
	}
	return n.Path, true
}
