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

// cutOff reports whether a reply was longer than a device reads.
func cutOff(ex *dmclient.Exchange) bool { return len(ex.Response) >= replyLimit }

// late reports whether an error means that no reply arrived in time.
func late(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// byTLS reports whether an error is a TLS alert from the server.
func byTLS(err error) bool { return err != nil && strings.Contains(err.Error(), "remote error: tls:") }

// ours ends the body as an error if a request failed because of a limit on the
// machine that runs dmwake, not because of the server.
func ours(t *T, err error) {
	for _, limit := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, limit) {
			t.Error("this machine ran out of files or ports (%v): raise the limit (ulimit -n), or lower target.crowd", limit)
		}
	}
}

// unanswered explains why a request got no answer.
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
		return "nothing listens on the server's address: its process has ended"
	}
	var crashed *dmclient.CrashError
	if errors.As(err, &crashed) {
		return crashed.Error()
	}
	return "no reply: " + err.Error()
}

// broke explains why a session failed.
func broke(t *T, s *dmclient.Session) string {
	if len(s.Exchanges) > 0 {
		last := s.Exchanges[len(s.Exchanges)-1]
		switch {
		case last.Err != nil:
			return fmt.Sprintf("message %d: %s", len(s.Exchanges), unanswered(t, last.Err))
		case cutOff(last):
			return fmt.Sprintf("message %d: a reply of more than 8 MiB, the most that dmwake reads", len(s.Exchanges))
		}
	}
	if s.Err == nil {
		return s.End
	}
	ours(t, s.Err)
	return s.Err.Error()
}
