package cli

import (
	"errors"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
)

// TestVerdictOfExcuse: if no device can enroll and the server is not to blame, the
// last line says what to set.
func TestVerdictOfExcuse(t *testing.T) {
	excuse := &lab.ExcusedError{What: "the server limits how often devices enroll", Do: lab.PaceDo}
	for _, c := range []struct {
		err  error
		want string
	}{
		{excuse, excuse.Error()}, {errors.New("HTTP status 500"), "no device can enroll: HTTP status 500"},
	} {
		var exit *exitError
		if err := verdict(&report.Report{}, c.err, nil); !errors.As(err, &exit) || exit.code != exitUnreachable || exit.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
