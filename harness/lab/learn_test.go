package lab

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// worker is a lab of the reference server that has nothing but a work hook.
func worker(t *testing.T, body string, of ...*variants.Variant) *Lab {
	t.Helper()
	l, err := Start(nil, Options{Keys: testKeys, Seed: 1, Variants: of})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	at := strings.TrimSuffix(l.Config.Target.Hooks.Queue.HTTP.URL, "/commands")
	l.Config.Target.Hooks = target.Hooks{Work: &target.Hook{HTTP: &target.HTTPHook{URL: at + "/profile", Body: body}}}
	return l
}

// TestSignature: the lab tells work from what the server sends by itself.
func TestSignature(t *testing.T) {
	const next = `{"revision":{{.N}}}`
	for _, c := range []struct {
		name, body            string
		of                    []*variants.Variant
		atomic, once, differs bool
		verb                  syncml.Verb
	}{
		{"a profile", next, nil, false, false, true, syncml.Replace},
		{"the same profile each time", `{"revision":5}`, nil, false, true, false, syncml.Replace},
		{"one Atomic", next, []*variants.Variant{variants.Atomic}, true, false, true, syncml.Add},
		{"Exec of base64", next, []*variants.Variant{variants.ProfileExec}, false, false, true, syncml.Exec},
		{"an inventory in every session", next, []*variants.Variant{variants.InventoryTogether}, false, false, true, syncml.Replace},
		{"the PFN after an inventory", next, []*variants.Variant{variants.InventoryFirst, variants.OneAMessage}, false, false, true, syncml.Replace},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := worker(t, c.body, c.of...)
			g, err := l.Signature(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if g.Atomic != c.atomic || g.Once != c.once || g.Differs != c.differs || !g.Has(c.verb) || g.Has(syncml.Get) {
				t.Errorf("%+v", g)
			}
			again, err := l.Signature(t.Context())
			if again != g || err != nil {
				t.Errorf("the second call asks the server again: %v", err)
			}
			d, err := l.ordinaryDevice()
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Enroll(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			idle, err := d.Sync(t.Context(), dmclient.SyncOptions{})
			if err != nil || g.Times(idle) != 0 {
				t.Errorf("a session without work has it %d times, err %v", g.Times(idle), err)
			}
			if err := l.Work(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			busy, err := d.Sync(t.Context(), dmclient.SyncOptions{})
			if err != nil || g.Times(busy) != 1 {
				t.Errorf("the session with work has it %d times, err %v", g.Times(busy), err)
			}
			if n := g.Times(busy, busy); n != 2 {
				t.Errorf("work that came twice counts %d times", n)
			}
		})
	}
}

// TestSignatureOfNothing: a hook that succeeds and does nothing is told as that, and
// a hook that fails as that.
func TestSignatureOfNothing(t *testing.T) {
	l := worker(t, "")
	l.Config.Timeouts.Quiet, l.Config.Timeouts.Push = 1, 1
	l.Config.Target.Hooks.Work.HTTP.Method = http.MethodGet
	l.Config.Target.Hooks.Work.HTTP.URL = strings.TrimSuffix(l.Config.Target.Hooks.Work.HTTP.URL, "/profile")
	if _, err := l.Signature(t.Context()); !errors.Is(err, ErrNoWork) || !strings.Contains(err.Error(), "the work hook ran") {
		t.Errorf("%v", err)
	}
	l = worker(t, "no JSON")
	var h *target.HookError
	if _, err := l.Signature(t.Context()); !errors.As(err, &h) || h.Hook != "work" {
		t.Errorf("%v", err)
	}
}

func sent(verb syncml.Verb, locURI, data string) Sent {
	return Sent{Verb: verb, LocURI: locURI, Data: data}
}

// TestPieces: what varies from one piece of work to the next does not hide it.
func TestPieces(t *testing.T) {
	usual := map[string]*values{}
	for _, c := range []Sent{sent(syncml.Get, "./DevDetail/SwV", ""), sent(syncml.Replace, "./Vendor/MSFT/Agent/Config", "idle")} {
		usual[shape(c)] = &values{map[string]bool{c.Data: true}}
	}
	guid := func(n string) string { return "0b1c2d3e-0000-4000-8000-0000000000" + n }
	for _, c := range []struct {
		name          string
		first, second Sent
		matches       Sent
		not           Sent
	}{
		{"a GUID in the node", sent(syncml.Add, "./Vendor/MSFT/X/"+guid("01"), "a"), sent(syncml.Add, "./Vendor/MSFT/X/"+guid("02"), "b"), sent(syncml.Add, "./vendor/msft/x/"+guid("99"), "c"), sent(syncml.Add, "./Vendor/MSFT/Y/"+guid("99"), "c")},
		{"a name in the node", sent(syncml.Add, "./Vendor/MSFT/VPNv2/alpha/ProfileXML", "a"), sent(syncml.Add, "./Vendor/MSFT/VPNv2/beta/ProfileXML", "b"), sent(syncml.Add, "./Vendor/MSFT/VPNv2/gamma/ProfileXML", "c"), sent(syncml.Add, "./Vendor/MSFT/VPNv2/gamma/Other", "c")},
		{"a node that the server also writes by itself", sent(syncml.Replace, "./Vendor/MSFT/Agent/Config", "job 1"), sent(syncml.Replace, "./Vendor/MSFT/Agent/Config", "job 2"), sent(syncml.Replace, "./Vendor/MSFT/Agent/Config", "job 3"), sent(syncml.Replace, "./Vendor/MSFT/Agent/Config", "idle")},
		{"Add first, then Replace", sent(syncml.Add, "./Vendor/MSFT/X/Y", "a"), sent(syncml.Replace, "./Vendor/MSFT/X/Y", "b"), sent(syncml.Replace, "./Vendor/MSFT/X/Y", "c"), sent(syncml.Get, "./Vendor/MSFT/X/Y", "")},
	} {
		first, second := unusual([]Sent{c.first, sent(syncml.Get, "./DevDetail/SwV", "")}, usual), unusual([]Sent{c.second}, usual)
		g := &Signature{pieces: pieces(first, second, usual), most: 1}
		for _, want := range []Sent{c.first, c.second, c.matches} {
			if len(g.Of([]Sent{want})) != 1 {
				t.Errorf("%s: %v is not work of %s", c.name, want, g)
			}
		}
		if len(g.Of([]Sent{c.not})) != 0 {
			t.Errorf("%s: %v is no work", c.name, c.not)
		}
	}
}
