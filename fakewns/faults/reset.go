package faults

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"

	"github.com/dmwake/dmwake/fakewns"
)

// reset ends the connection by a TCP reset where the answer should come. With
// "after" the notification was delivered, and the sender cannot know.
type reset struct{}

func newReset(arg string) (fakewns.Fault, error) {
	switch arg {
	case "", "before", "after":
		return fakewns.Fault{Lose: arg != "after", Do: reset{}}, nil
	}
	return fakewns.Fault{}, fmt.Errorf("%q is neither before nor after", arg)
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
		tcp.SetLinger(0) //nolint:errcheck // it is closed the gentle way then
	}
	raw.Close()
	return true
}
