package faults

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// drip sends the answer slowly, as a bad line does. A sender with a timeout
// gives up; one without waits.
type drip time.Duration

func newDrip(arg faultspec.Value) (fakewns.Fault, error) {
	d, err := faultspec.Duration(arg.Text(), 10*time.Second)
	return fakewns.Fault{Do: drip(d)}, err
}

func (drip) Fault() string { return "answer byte by byte" }

func (d drip) Send(w http.ResponseWriter, r *http.Request, reply *fakewns.Reply) bool {
	raw := wire(w.Header(), reply)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	tick := time.NewTicker(max(time.Duration(d)/time.Duration(len(raw)), time.Microsecond))
	defer tick.Stop()
	for i := range raw {
		if _, err := conn.Write(raw[i : i+1]); err != nil {
			return true
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return true
		}
	}
	return true
}

// truncated closes the connection in the middle of the answer.
type truncated struct{}

func (truncated) Fault() string { return "answer cut off" }

func (truncated) Send(w http.ResponseWriter, _ *http.Request, reply *fakewns.Reply) bool {
	raw := wire(w.Header(), reply)
	return hijacked(w, raw[:len(raw)*2/3])
}

// badHeaders puts a line without a colon among the headers.
type badHeaders struct{}

func (badHeaders) Fault() string { return "malformed header" }

func (badHeaders) Send(w http.ResponseWriter, _ *http.Request, reply *fakewns.Reply) bool {
	return hijacked(w, bytes.Replace(wire(w.Header(), reply), []byte("\r\n"), []byte("\r\nX-WNS-STATUS received\r\n"), 1))
}

func hijacked(w http.ResponseWriter, raw []byte) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	conn.Write(raw) //nolint:errcheck // the client is gone
	conn.Close()
	return true
}

// wire is an answer as it is sent over the connection.
func wire(h http.Header, reply *fakewns.Reply) []byte {
	h.Set("Content-Length", fmt.Sprint(len(reply.Body)))
	h.Set("Connection", "close")
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", reply.Status, http.StatusText(reply.Status))
	h.Write(&b) //nolint:errcheck // to memory
	b.WriteString("\r\n")
	b.Write(reply.Body)
	return b.Bytes()
}
