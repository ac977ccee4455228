package csp

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestOverlayRoundTrip: an overlay restores the whole tree.
func TestOverlayRoundTrip(t *testing.T) {
	h := &fakeHost{code: 200, user: true}
	tree := newTree(t, h, desktop)
	run(t, tree, []step{
		{syncml.Add, "./User/Vendor/MSFT/VPNv2/My%20Home/NativeProfile/Servers", "vpn.example", 200, ""},
		{syncml.Replace, "./Vendor/MSFT/Policy/Config/Camera/AllowCamera", "0", 200, ""},
	})
	other := newTree(t, h, desktop)
	other.Restore(tree.Overlay())
	if a, b := tree.Overlay(), other.Overlay(); !slices.Equal(a, b) {
		t.Errorf("restored\n%+v\nfrom\n%+v", b, a)
	}
	if got, _ := other.Get("./User/Vendor/MSFT/VPNv2"); got != "My%20Home" {
		t.Errorf("the name came back as %q", got)
	}
}

// TestFailureChangesNothing: for any operation on any node, a failed command leaves
// every writable value unchanged, and a rollback restores everything.
func TestFailureChangesNothing(t *testing.T) {
	s, err := NewSchema(desktop, All())
	if err != nil {
		t.Fatal(err)
	}
	uris := addresses(s)
	writable := func(tree *Tree) (out []Stored) {
		for _, e := range tree.Overlay() {
			r := s.locate(Path{Names: strings.Split(strings.TrimPrefix(e.Path, "\x01"), "\x00")}).rule
			if e.Leaf && r != nil && r.node != nil && r.node.Ops&(Add|Replace) != 0 {
				out = append(out, e)
			}
		}
		return out
	}
	rapid.Check(t, func(rt *rapid.T) {
		h := &fakeHost{code: 200, user: rapid.Bool().Draw(rt, "user")}
		tree := newTree(t, h, desktop)
		rollback, at, effects := tree.Begin(), tree.Overlay(), len(h.effects)
		for range rapid.IntRange(1, 30).Draw(rt, "n") {
			verb := rapid.SampledFrom([]syncml.Verb{syncml.Add, syncml.Replace, syncml.Get, syncml.Delete, syncml.Exec, syncml.Copy}).Draw(rt, "verb")
			uri := rapid.SampledFrom(uris).Draw(rt, "uri")
			v := Value{Data: rapid.SampledFrom([]string{"", "1", "true", "x", "<a/>", "YQ=="}).Draw(rt, "data"),
				Format: rapid.SampledFrom([]string{"", "chr", "int", "node", "bool"}).Draw(rt, "format")}
			before, pfn := writable(tree), h.pfn
			a := tree.Do(context.Background(), verb, uri, v)
			if a.Code < 200 || a.Code > 599 {
				rt.Fatalf("%s %s answered %d", verb, uri, a.Code)
			}
			if (a.Code >= 300 || verb == syncml.Get) && (!slices.Equal(before, writable(tree)) || pfn != h.pfn) {
				rt.Fatalf("%s %s answered %d and changed the tree", verb, uri, a.Code)
			}
			if verb == syncml.Add && a.Code == 200 && !tree.Has(uri) {
				rt.Fatalf("%s was added and is not there", uri)
			}
			// A node that exists with its parent is there again, empty.
			if at, err := s.address(uri); verb == syncml.Delete && a.Code == 200 && (err != nil || at.rule.node.Occurs != One) && tree.Has(uri) {
				rt.Fatalf("%s was deleted and is there", uri)
			}
		}
		rollback()
		if !slices.Equal(at, tree.Overlay()) || len(h.effects) != effects || h.pfn != "" {
			rt.Fatal("the roll-back did not restore everything")
		}
	})
}
