package dmclient

import (
	"context"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// keepAlive is how long a slow device waits before each message that says so. No source
// tells; it has to be less than the server's HTTP timeout [model].
const keepAlive = 30 * time.Second

// heldBack waits as long as faults hold the message back. If EnableOmaDmKeepAliveMessage
// is true, the device meanwhile tells the server that its answer is pending (Learn,
// "DMClient CSP"; MS-MDE2 2.2.9.3). The first message of a session answers nothing.
func (r *running) heldBack(ctx context.Context, msg *syncml.Message) error {
	n, gates := r.msgID, []Gate(nil)
	each(r.d, func(f Gate) { gates = append(gates, f) })
	held := func() (err error) {
		for _, f := range gates {
			if e := f.Gate(ctx, r.d.cfg.Clock, n); e != nil && err == nil {
				err = e
			}
		}
		return err
	}
	if len(gates) == 0 || len(r.s.Received) == 0 || !csp.Truth(r.d.account("EnableOmaDmKeepAliveMessage")) {
		return held()
	}
	ready := make(chan error, 1)
	go func() { ready <- held() }()
	for {
		tick := make(chan struct{}, 1)
		stop := r.d.cfg.Clock.AfterFunc(keepAlive, func() { tick <- struct{}{} })
		select {
		case err := <-ready:
			stop()
			return err
		case <-tick:
			if err := r.pending(ctx, msg); err != nil {
				<-ready // faults wait no longer than ctx
				return err
			}
		}
	}
}

// pending sends the message that Learn shows: an Alert with CmdID 2, no Status, no
// Final. Commands in the server's answer are not executed: the device is busy with the
// previous ones [model]. The message that waits gets the next MsgID, and a credential of
// its own.
func (r *running) pending(ctx context.Context, msg *syncml.Message) error {
	reply, err := r.send(ctx, &syncml.Message{Hdr: msg.Hdr, Extended: msg.Extended, Body: []syncml.Command{{
		Verb: syncml.Alert, CmdID: "2", Data: strconv.Itoa(syncml.AlertClientEvent), Items: []syncml.Item{{
			Meta: &syncml.Meta{Type: "Reversed-Domain-Name:com.microsoft.mdm.requestpending"}, Data: "1", HasData: true}}}}})
	if err == nil && reply != nil {
		_, err = r.judged(reply) // its nonce is for the next message
	}
	msg.Hdr = r.header()
	return err
}
