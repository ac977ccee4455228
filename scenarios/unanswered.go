package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// replyLimit is how much of a reply a device reads, in bytes.
const replyLimit = 8 << 20

// cutOff tells whether a reply was longer than what a device reads.
func cutOff(ex *dmclient.Exchange) bool { return len(ex.Response) >= replyLimit }

// late tells whether an error means that no reply came in time.
func late(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// byTLS tells whether an error is a TLS alert of the server.
func byTLS(err error) bool { return err != nil && strings.Contains(err.Error(), "remote error: tls:") }

// ours ends the body as an error where a request failed at a limit of the
// machine that dmwake runs on, and not at the server.
func ours(t *T, err error) {
	for _, limit := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, limit) {
			t.Error("this machine ran out of files or ports (%v): raise the limit (ulimit -n), or lower target.crowd", limit)
		}
	}
}

// unanswered says in plain words why a request got no answer.
func unanswered(t *T, err error) string {
	ours(t, err)
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err // the report names the request
	}
	switch {
	case late(err):
		return fmt.Sprintf("no reply within %s (timeouts.request)", t.Lab.Config.Timeouts.Request)
	case byTLS(err):
		return "a TLS alert: " + err.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at the server's address any more: its process has ended"
	}
	var crashed *dmclient.CrashError
	if errors.As(err, &crashed) {
		return crashed.Error()
	}
	return "no reply: " + err.Error()
}

// broke says in plain words why a session broke.
func broke(t *T, s *dmclient.Session) string {
	if len(s.Exchanges) > 0 {
		last := s.Exchanges[len(s.Exchanges)-1]
		switch {
		case last.Err != nil:
			return fmt.Sprintf("message %d: %s", len(s.Exchanges), unanswered(t, last.Err))
		case cutOff(last):
			return fmt.Sprintf("message %d: a reply of more than 8 MiB, of which dmwake reads no more", len(s.Exchanges))
		}
	}
	if s.Err == nil {
		return s.End
	}
	ours(t, s.Err)
	return s.Err.Error()
}
