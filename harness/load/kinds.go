package load

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// Kinds of errors that come from this machine. The result has them at the end of
// others, such as "trigger: no free port"; NotTriggered is the beginning of one.
const (
	NoPort       = "no free port"
	NoFile       = "too many open files"
	NotTriggered = "not triggered: dmwake was late"
)

// kindOf names the kind of an error under which the result counts it: short, and
// the same for all devices.
func kindOf(err error) string {
	if err == nil {
		return "no messages"
	}
	var e *enroll.Error
	var hook *target.HookError
	var netErr net.Error
	step := ""
	switch {
	case errors.As(err, &e):
		step = e.Step + ": "
	case errors.As(err, &hook):
		step = "the " + hook.Hook + " hook: "
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return step + "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return step + "connection reset"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return step + NoPort
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return step + NoFile
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return step + "no answer in time"
	case errors.Is(err, context.Canceled):
		return step + "interrupted"
	case e != nil && e.Status != 0:
		return step + "refused"
	}
	var u *url.Error
	switch {
	case hook != nil:
		err = hook.Err
	case e != nil:
		err = e.Err
	}
	if errors.As(err, &u) {
		err = wording.NoAnswer(u) // without the URL
	}
	return step + shorten(redact.Text(err.Error())) // it may be the server's own words
}

// shorten cuts the details off a message, which usually differ between devices.
func shorten(text string) string {
	if i := strings.IndexAny(text, ":{(\""); i > 12 {
		text = text[:i]
	}
	return strings.TrimSpace(text)
}

// mostFrequent is the most frequent kind.
func mostFrequent(kinds map[string]int) string {
	if len(kinds) == 0 {
		return "for an unknown reason"
	}
	return slices.MinFunc(slices.Collect(maps.Keys(kinds)), func(a, b string) int {
		return cmp.Or(cmp.Compare(kinds[b], kinds[a]), cmp.Compare(a, b))
	})
}
