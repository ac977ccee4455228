// Command generate writes facts.bin, the table of what Microsoft's DDF files say:
// generate TABLE ZIP.
package main

import (
	"fmt"
	"os"

	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("give the table to write and one zip of DDF v2 files, but got %q; make ddf DDF=FILE.zip", args)
	}
	nodes, err := ddf.ReadZip(args[1])
	if err != nil {
		return err
	}
	b, err := ddf.Encode(ddf.Edition(args[1]), nodes)
	if err != nil {
		return err
	}
	if err := os.WriteFile(args[0], b, 0o644); err != nil { //nolint:gosec // a source file
		return err
	}
	fmt.Printf("%s: %d nodes of %s, %d bytes\n", args[0], len(nodes), args[1], len(b))
	return nil
}
