package report

import (
	"strings"
	"testing"
)

// TestMarks: only the line that a failure is about is marked.
func TestMarks(t *testing.T) {
	const message = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.1</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>D</LocURI></Target><Source><LocURI>https://m/x</LocURI></Source></SyncHdr><SyncBody><Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status><Add><CmdID>2</CmdID><Item><Target><LocURI>./Vendor/MSFT/DMClient/Provider/M/Push/PFN</LocURI></Target><Data>52314PUBLISHER.X_1</Data></Item></Add><Final/></SyncBody></SyncML>`
	for _, c := range []struct {
		r    Result
		want string
	}{
		{Result{Expected: "the PFN to be in lower case", Saw: "52314PUBLISHER.X_1"}, "52314PUBLISHER.X_1"},
		{Result{Expected: "VerDTD of message 1 to equal 1.2", Saw: "1.1"}, "<VerDTD>"},
		{Result{Expected: "Add of ./Vendor/MSFT/DMClient/Provider/M/Push first", Saw: "none"}, "/Push/PFN"},
		{Result{Expected: "Final elements", Saw: "2"}, "<Final/>"},
		{Result{Expected: "a session", Saw: "none"}, ""},
	} {
		var marked []string
		for _, l := range marksOf(&c.r).Lines(message) {
			if l.Marked {
				marked = append(marked, strings.TrimSpace(l.Text))
			}
		}
		if c.want == "" && len(marked) > 0 || c.want != "" && (len(marked) != 1 || !strings.Contains(marked[0], c.want)) {
			t.Errorf("%s, %s: marked %q, want the line with %q", c.r.Expected, c.r.Saw, marked, c.want)
		}
	}
}
