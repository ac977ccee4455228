package faults

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// reset closes the connection by a TCP reset instead of an answer. With "after"
// the notification is delivered, and the sender cannot know.
type reset struct{}

func newReset(v faultspec.Value) (fakewns.Fault, error) {
	switch arg := v.Text(); arg {
	case "", "before", "after":
		return fakewns.Fault{Lose: arg != "after", Do: reset{}}, nil
	}
	return fakewns.Fault{}, fmt.Errorf("%q is neither before nor after", v.Text())
}

func (reset) Fault() string { return "connection reset" }

func (reset) Send(w http.ResponseWriter, _ *http.Request, _ *fakewns.Reply) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	raw := conn
	if t, ok := conn.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // without it, the close is a normal one
	}
	raw.Close()
	return true
}
