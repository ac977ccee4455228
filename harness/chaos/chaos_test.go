package chaos

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

var full = flag.Bool("chaos", false, "run the whole numbers; else a sample")

// built is the program, for all tests.
var built string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dmwake-chaos")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = filepath.Join(dir, "dmwake")
	if runtime.GOOS == "windows" {
		built += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", built, "github.com/dmwake/dmwake").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build dmwake: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// binary is the path of dmwake, built without the race detector.
func binary(t testing.TB) string {
	t.Helper()
	return built
}
