package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrittenFilesAreNamed: a command says which files it wrote, each once, and not those
// that it did not write.
func TestWrittenFilesAreNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		args  []string
		files []string
	}{
		{[]string{"test", "--only", "ENR-01", "--json", in("a.json"), "--junit", in("a.xml"), "--html", in("a.html"), "--write-baseline", in("known")}, []string{"a.json", "a.xml", "a.html", "known"}},
		{[]string{"report", "diff", in("a.json"), in("a.json"), "--html", in("diff.html")}, []string{"diff.html"}},
		{[]string{"report", "merge", in("a.json"), in("a.json"), "--json", in("b.json"), "--junit", in("b.xml")}, []string{"b.json", "b.xml"}},
		{[]string{"load", "--devices", "1", "--rate", "20", "--duration", "1s", "--json", in("l.json"), "--html", in("l.html")}, []string{"l.json", "l.html"}},
		{[]string{"test", "--only", "ENR-01", "--json", "-", "--trace", in("sessions")}, []string{"the sessions to " + in("sessions")}},
	} {
		cmd := command(t.Context(), dir, nil, c.args...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", c.args, err, out)
		}
		for _, name := range c.files {
			if !strings.Contains(name, string(filepath.Separator)) {
				if _, err := os.Stat(in(name)); err != nil {
					t.Error(err)
				}
				name = in(name)
			}
			if strings.Count(string(out), "wrote "+name+"\n") != 1 {
				t.Errorf("%v does not say that it wrote %s:\n%s", c.args, name, out)
			}
		}
		if n := strings.Count(string(out), "\nwrote "); n != len(c.files) && n != len(c.files)-1 { // the first may begin the output
			t.Errorf("%v names %d files:\n%s", c.args, n, out)
		}
	}
}
