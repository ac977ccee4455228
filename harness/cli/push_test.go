package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/faults"
)

// seenAnswer is an answer of WNS, how to get it, and what push has to say to it.
type seenAnswer struct {
	Name, Source   string
	Fault          string
	Device, App    string
	Channel, Token string
	Request        map[string]string
	Size           int
	Status         int
	Header         map[string]string
	Says, Not      []string
}

// TestPushSaysWhatTheAnswerSays: push explains every answer of the corpus by what the
// answer itself says, and says nothing that its headers contradict.
func TestPushSaysWhatTheAnswerSays(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(root, "fakewns/testdata/answers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []seenAnswer
	if err := json.Unmarshal(raw, &all); err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	dir := t.TempDir()
	p := startLab(t, dir, "ready")
	for _, a := range all {
		args := a.arrange(t, p)
		cmd := command(t.Context(), dir, nil, append([]string{"push", "--ca-dir", "ca", "--wns-listen", p.wns, "--control", p.api.URL}, args...)...)
		out, _ := cmd.CombinedOutput()
		text := string(out)
		want := exitFailed
		if a.Status == 200 && a.Header["X-WNS-Status"] == "received" {
			want = 0
		}
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("%s: exit code %d, want %d:\n%s", a.Name, code, want, text)
		}
		_, said, _ := strings.Cut(text, "\npush ")
		for _, s := range a.Says {
			if !strings.Contains(said, s) {
				t.Errorf("%s: %q is not said:\n%s", a.Name, s, text)
			}
		}
		for _, s := range a.Not {
			if explained := strings.ReplaceAll(said, a.Header["X-WNS-Error-Description"], ""); strings.Contains(explained, s) {
				t.Errorf("%s: %q is said, which the answer contradicts:\n%s", a.Name, s, text)
			}
		}
		a.tidy(t, p)
	}
}

const ownDevice = "answers-device"

// arrange brings the lab into the state of an entry, and returns flags of push.
func (a *seenAnswer) arrange(t *testing.T, p *labProcess) (args []string) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(a.Name, err)
		}
	}
	device := sampleDevice
	if a.Token == "other-app" {
		other := fakewns.App{PFN: "other.app_8wekyb3d8bbwe", PackageSID: "ms-app://s-1-15-2-9", Secret: "x"}
		check(p.api.PutApp(ctx, other))
		device = ownDevice
		_, err := p.api.OpenChannel(ctx, device, other.PFN)
		check(err)
	}
	if a.Channel != "" {
		device = ownDevice
		ch, err := p.api.OpenChannel(ctx, device, fakewns.DefaultApp.PFN)
		check(err)
		list, err := p.api.Channels(ctx, device)
		check(err)
		for _, c := range list {
			if c.ID == ch.ID {
				args = append(args, "--channel", c.URI)
			}
		}
		switch a.Channel {
		case "closed":
			check(p.api.RevokeChannel(ctx, ch.ID))
		case "expired":
			check(p.api.ExpireChannel(ctx, ch.ID))
		case "forgotten":
			check(p.api.ForgetChannel(ctx, ch.ID))
		}
	} else {
		args = append(args, "--device", device)
	}
	if a.Device == "disconnected" {
		check(p.api.SetConnection(ctx, device, fakewns.Disconnected))
	}
	if a.App == "blocked" {
		blocked := fakewns.DefaultApp
		blocked.Blocked = true
		check(p.api.PutApp(ctx, blocked))
	}
	fault := a.Fault
	if a.Token == "revoked" {
		fault = "status=401" // push has just fetched its token
	}
	if fault != "" {
		_, err := p.api.AddFault(ctx, faults.Rule{Fault: fault})
		check(err)
	}
	if a.Size > 0 {
		args = append(args, "--payload", strings.Repeat("x", a.Size))
	}
	asks := false
	for name, value := range a.Request {
		switch {
		case name == "X-WNS-Cache-Policy" && value == "":
			args = append(args, "--cache-policy", "none")
		case name == "X-WNS-RequestForStatus":
			asks = true
		default:
			args = append(args, "--header", name+": "+value)
		}
	}
	if !asks {
		args = append(args, "--header", "X-WNS-RequestForStatus: false")
	}
	return args
}

// tidy undoes arrange.
func (a *seenAnswer) tidy(t *testing.T, p *labProcess) {
	t.Helper()
	ctx := t.Context()
	for _, err := range []error{p.api.RemoveFault(ctx, 0), p.api.SetConnection(ctx, sampleDevice, fakewns.Connected), p.api.PutApp(ctx, fakewns.DefaultApp)} {
		if err != nil {
			t.Fatal(a.Name, err)
		}
	}
}
