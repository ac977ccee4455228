package csp

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestAddresses: the cache of LocURIs is limited, whatever servers ask for, and
// changes no answer; long and invalid ones are not cached.
func TestAddresses(t *testing.T) {
	tree := newTree(t, &fakeHost{code: 200}, desktop)
	s := tree.Schema()
	const provider = "./Vendor/MSFT/DMClient/Provider/"
	tree.Provision(provider+"Kept/EntDMID", "here")
	for i := range 2*maxAddresses + 10 {
		uri := fmt.Sprintf("%sP%d/EntDMID", provider, i)
		if a := tree.Do(t.Context(), syncml.Get, uri, Value{}); a.Code != 404 {
			t.Fatalf("%s: %+v", uri, a)
		}
		if n := len(s.found.known); n > maxAddresses {
			t.Fatalf("%d are remembered", n)
		}
	}
	for range 2 {
		if v, ok := tree.Look(provider + "Kept/EntDMID"); !ok || v != "here" {
			t.Errorf("%q %v", v, ok)
		}
	}
	long, wrong := "./Vendor/MSFT/"+strings.Repeat("x", maxAddress), "/Vendor"
	tree.Has(long)
	tree.Has(wrong)
	if s.found.known[long] != nil || s.found.known[wrong] != nil {
		t.Error("a long or wrong LocURI is remembered")
	}
	for uri, known := range s.found.known {
		p, err := ParsePath(uri)
		if err != nil {
			t.Fatal(err)
		}
		if fresh := s.locate(p); !reflect.DeepEqual(known, fresh) {
			t.Errorf("%s is remembered as %+v, and is %+v", uri, known, fresh)
		}
	}
}
