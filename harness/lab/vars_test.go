package lab

import (
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
)

// TestToldURI: hooks get the channel URI that the server can know, not the one that
// the device keeps to itself.
func TestToldURI(t *testing.T) {
	l, d := enrolled(t)
	of := func() string {
		t.Helper()
		v, err := l.Vars(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return v.ChannelURI
	}
	own := d.ChannelURI()
	if got := of(); got != own || own == "" {
		t.Fatalf("hooks get %q, the device told %q", got, own)
	}
	const other = "https://wns2-sg2p.notify.windows.com/w/?token=other"
	f, err := faults.New("channel-uri=" + other)
	if err != nil {
		t.Fatal(err)
	}
	d.AddFault(f)
	if got := of(); got != own {
		t.Errorf("hooks get %q before the device told it", got)
	}
	if err := l.Queue(t.Context(), d, Command{Verb: "Get", LocURI: dmclient.ProviderURI(d.Provider()) + "/Push/ChannelURI"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sync(t.Context(), dmclient.SyncOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := of(); got != other {
		t.Errorf("hooks get %q after the device told %q", got, other)
	}
}
