package scenarios

import (
	"fmt"
	"io"
	"time"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// poorConnections are the ROB scenarios about messages that arrive slowly or are
// cut off.
var poorConnections = []Scenario{
	{ID: "ROB-08", Level: report.Must, Title: "a slow device does not hold up the others",
		Rule:    "While one device sends its message byte by byte, another device's session completes.",
		Source:  "CWE-400 (slow requests)",
		Fix:     "Do not hold a lock while reading a body, and set a time limit for each request.",
		Mutants: []*mutants.Mutant{mutants.RobSerial},
		Run: func(t *T) {
			slow := t.DeviceWith(func(c *dmclient.Config) { c.Timeout = time.Hour })
			slow.MustEnroll()
			other := soundDevice(t)
			end := drip(slow, messageOf(slow, "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>"))
			defer end()
			t.Quiet()
			start := time.Now()
			s := other.Sync(dmclient.SyncOptions{NoRetry: true})
			took, limit := time.Since(start), t.Lab.Config.Timeouts.Push
			end()
			const want = "another device's session completes while a message arrives byte by byte"
			if suite.Broken(s) != nil {
				t.Exchanges(s)
				t.Fail(want, broke(t, s))
			}
			t.Check(took < limit, fmt.Sprintf("%s, within %s", want, limit), took.Round(time.Millisecond).String())
		}},
	{ID: "ROB-09", Level: report.Must, Title: "after a truncated message the next session is clean",
		Rule:    "A connection that breaks in the middle of a message leaves nothing behind: the device's next session works normally.",
		Source:  "OMA DM Protocol 1.2.1 section 8",
		Fix:     "Change state only after reading the whole message.",
		Mutants: []*mutants.Mutant{mutants.RobWedge},
		Run: func(t *T) {
			d := exercisedDevice(t)
			whole := d.First().Exchanges[0].Request
			if err := d.Cut(t.Context(), whole, len(whole)/2, t.Lab.Config.Timeouts.Push); err != nil {
				t.Error("the connection could not be cut: %v", err)
			}
			runsAsEver(d, "a message that was cut off")
		}},
}

// drip sends a message slowly, byte by byte, until end is called. It returns once
// the first byte is on its way.
func drip(d *Device, whole string) (end func()) {
	t := d.T
	body, feed := io.Pipe()
	sent := make(chan *dmclient.Exchange, 1)
	go func() {
		sent <- d.Device.Post(t.Context(), syncml.MediaType, body, int64(len(whole)), dmclient.SyncOptions{})
		body.Close() //nolint:errcheck // unblocks the writer
	}()
	if _, err := io.WriteString(feed, whole[:1]); err != nil {
		t.Error("the slow message could not be started: %v", (<-sent).Err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for i := 1; i < len(whole)-1; i++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if _, err := io.WriteString(feed, whole[i:i+1]); err != nil {
				return
			}
		}
		<-stop
	}()
	ended := false
	return func() {
		if ended {
			return
		}
		ended = true
		close(stop)
		feed.CloseWithError(io.ErrUnexpectedEOF)
		<-stopped
		t.Keep(d, "a message sent byte by byte", <-sent)
	}
}
