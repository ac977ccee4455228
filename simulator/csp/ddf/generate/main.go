// Command generate writes facts.bin, the table of what Microsoft's DDF files say, and
// prints what our descriptions say otherwise: generate TABLE ZIP.
package main

import (
	"cmp"
	"fmt"
	"io"
	"os"

	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("give the table to write and one zip of DDF v2 files, but got %q; make ddf DDF=FILE.zip", args)
	}
	nodes, err := ddf.ReadZip(args[1])
	if err != nil {
		return err
	}
	edition := ddf.Edition(args[1])
	b, err := ddf.Encode(edition, nodes)
	if err != nil {
		return err
	}
	if err := os.WriteFile(args[0], b, 0o644); err != nil { //nolint:gosec // a source file
		return err
	}
	if _, err := fmt.Fprintf(out, "%s: %d nodes of %s, %d bytes\n\n", args[0], len(nodes), args[1], len(b)); err != nil {
		return err
	}
	set, err := ddf.NewSet(edition, nodes)
	if err != nil {
		return err
	}
	return differences(set, out)
}

// differences prints each difference with its reason, and fails if one has none.
func differences(set *ddf.Set, out io.Writer) error {
	c, err := ddf.Compare(set)
	if err != nil {
		return err
	}
	open := len(c.Unused)
	for i := range c.Differences {
		d := &c.Differences[i]
		if d.Reason == "" {
			open++
		}
		if _, err := fmt.Fprintf(out, "%v\n  %s\n", d, cmp.Or(d.Reason, "NO REASON")); err != nil {
			return err
		}
	}
	for _, r := range c.Unused {
		if _, err := fmt.Fprintf(out, "%s: %s: nothing differs, but the description explains it\n", r.Path, r.Kind); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(out, "\n%d nodes are in our descriptions and in the DDF, %d of the same CSPs in the DDF alone; %d differences\n",
		c.Both, len(c.Alone), len(c.Differences)); err != nil {
		return err
	}
	if open > 0 {
		return fmt.Errorf("%d differences without a reason, or reasons without a difference: correct simulator/csp/trees", open)
	}
	return nil
}
