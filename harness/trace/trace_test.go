package trace

import (
	"context"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

func device(t *testing.T, broken ...*mutants.Mutant) (*lab.Lab, *dmclient.Device) {
	t.Helper()
	l, err := lab.Start(nil, lab.Options{Seed: 1, Mutants: broken})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	d, err := l.NewDevice(dmclient.Win11())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Enroll(context.Background(), d); err != nil {
		t.Fatal(err)
	}
	return l, d
}

// recorded returns a transcript of two sessions.
func recorded(t *testing.T) string {
	t.Helper()
	_, d := device(t)
	for range 2 {
		if _, err := d.Sync(context.Background(), dmclient.SyncOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := Keep(dir, "X", Session, d); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "X.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func replay(t *testing.T, text string, broken ...*mutants.Mutant) (steps []Step) {
	t.Helper()
	list, _, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	l, d := device(t, broken...)
	for i := range list {
		uri, _, err := l.WNS.OpenChannel(t.Context(), d.Identity().DeviceID, l.Config.WNS.App.PFN, func([]byte) {})
		if err != nil {
			t.Fatal(err)
		}
		Play(t.Context(), d, &list[i], Options{Channel: uri}, func(s Step) { steps = append(steps, s) })
	}
	return steps
}

// TestReplay: a server gives the recorded answers again; a server that breaks a rule
// gives different ones, and the difference names the rule.
func TestReplay(t *testing.T) {
	text := recorded(t)
	for _, c := range []struct{ mutant, diff, note string }{
		{"", "", ""},
		{"pfn-upper-case", `+Add ./Vendor/MSFT/DMClient/Provider/dmwake%20MDM/Push/PFN chr "52314PUBLISHER`, ""},
		{"pfn-channel-never", "-Get ./Vendor/MSFT/DMClient/Provider/dmwake%20MDM/Push/ChannelURI", "Results for a command of message 1 is left out"},
		{"ses-alert-unanswered", "-Status 200 for Alert", ""},
		{"cmdid", "", ""},
	} {
		var broken []*mutants.Mutant
		if c.mutant != "" && c.mutant != "cmdid" {
			var err error
			if broken, err = mutants.Find(c.mutant); err != nil {
				t.Fatal(err)
			}
		}
		in := text
		if c.mutant == "cmdid" { // a log of a server that numbers its commands differently
			in = strings.NewReplacer("<CmdID>5</CmdID>", "<CmdID>77</CmdID>", "<CmdRef>5</CmdRef>", "<CmdRef>77</CmdRef>").Replace(text)
		}
		var diffs, notes strings.Builder
		for _, s := range replay(t, in, broken...) {
			if s.Problem != "" {
				t.Errorf("%s: message %d: %s", c.mutant, s.Message, s.Problem)
			}
			diffs.WriteString(s.Diff)
			notes.WriteString(strings.Join(s.Notes, "\n"))
		}
		if c.diff == "" && diffs.Len() > 0 || !strings.Contains(diffs.String(), c.diff) || !strings.Contains(notes.String(), c.note) {
			t.Errorf("%s: %s\n%s\nwant %s and %s", c.mutant, diffs.String(), notes.String(), c.diff, c.note)
		}
	}
}

// TestLogs: messages are found in text that people paste.
func TestLogs(t *testing.T) {
	text := recorded(t)
	for name, in := range map[string]string{
		"as written": text, "with words between": strings.ReplaceAll(text, "<SyncML", "2026-11-23 08:00:00 [DEBUG] message: <SyncML"),
		"escaped": html.EscapeString(text), "in one line": strings.ReplaceAll(text, "\n", " "),
	} {
		list, _, err := Parse([]byte(in))
		if err != nil || len(list) != 2 || len(list[0].Sent) != 2 || list[0].Received[0] == nil || len(list[0].Device) != 32 {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
	for what, in := range map[string]string{
		"no SyncML message": "hello", "that can be read; line 1": "<SyncML><SyncHdr></SyncML>",
		"only answers of a server": `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>D</LocURI></Target><Source><LocURI>https://x/y</LocURI></Source></SyncHdr><SyncBody><Final/></SyncBody></SyncML>`,
	} {
		if _, _, err := Parse([]byte(in)); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%q: %v, want %s", in, err, what)
		}
	}
	if _, _, err := Read(filepath.Join(t.TempDir(), "nothing"), nil); err == nil {
		t.Error("a file that is not there was read")
	}
}

// TestCapturedDevice: the reference server answers every message of a real device.
func TestCapturedDevice(t *testing.T) {
	const dir = "../../../shared/captures"
	var text strings.Builder
	for _, name := range []string{"win10-19043-04-package1.xml", "win10-19043-05-package3.xml", "win10-19043-06-unenroll.xml"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Skipf("NOT RUN: the captures are not beside the project: %v", err)
		}
		text.Write(raw)
		text.WriteString("\n")
	}
	steps := replay(t, text.String())
	if len(steps) < 2 {
		t.Fatalf("%d messages were played", len(steps))
	}
	for _, s := range steps {
		if s.Problem != "" || s.Response == "" {
			t.Errorf("message %d: %s %q", s.Message, s.Problem, s.Response)
		}
	}
}
