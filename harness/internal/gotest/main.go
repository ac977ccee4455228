// Command gotest runs go test and prints a line for each package, the output of
// failed tests, and the skipped tests with their reasons. It exits with the
// status of go test.
//
//	go run ./harness/internal/gotest [-C dir] [go test flags] [packages]
//
// The environment's GO names another go command.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	code, err := run(cmp.Or(os.Getenv("GO"), "go"), os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
	}
	os.Exit(code)
}

// own is an environment without what its user set for dmwake, which would change what
// tests see of it: a password or a server in the place of those of a file, no colours.
func own(environ []string) []string {
	return slices.DeleteFunc(environ, func(v string) bool { return strings.HasPrefix(v, "DMWAKE_") || strings.HasPrefix(v, "NO_COLOR=") })
}

// run runs go test with these arguments. An error means that the outcome is
// unknown; code is then not 0.
func run(command string, args []string, stdout, stderr io.Writer) (code int, err error) {
	at := 0
	if len(args) > 1 && args[0] == "-C" { // go wants it first
		at = 2
	}
	verbose := slices.Contains(args, "-v")
	cmd := exec.Command(command, append([]string{"test"}, slices.Insert(slices.Clone(args), at, "-json")...)...) //nolint:gosec // the arguments are the user's
	cmd.Stderr, cmd.Env = stderr, own(os.Environ())
	events, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("start go test: %w", err)
	}
	seen, readErr := follow(events, stdout, verbose)
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = max(exit.ExitCode(), 1) // -1: ended by a signal
	case err != nil:
		return 1, fmt.Errorf("run go test: %w", err)
	case readErr != nil:
		return 1, fmt.Errorf("read the output of go test: %w", readErr)
	}
	seen.summarize(stdout, code == 0)
	return code, nil
}
