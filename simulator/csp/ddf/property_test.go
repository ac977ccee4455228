package ddf_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestAnyNodeKeepsTheRules: for any operation on any node that the DDF has, on several
// builds, a command that fails or reads changes nothing; what was added is there with
// its value, and what was deleted has none; and a roll-back restores everything.
func TestAnyNodeKeepsTheRules(t *testing.T) {
	set, err := ddf.Facts()
	if err != nil {
		t.Fatal(err)
	}
	var uris []string
	for _, n := range set.Nodes() {
		uris = append(uris, strings.NewReplacer("{", "x", "}", "y").Replace(n.Path))
	}
	var schemas []*csp.Schema
	for _, p := range []csp.Platform{{Build: 10586}, win10, win11, {Build: 26200}} {
		s, err := csp.NewSchema(csp.Options{Platform: p, Base: embedded(t)}, csp.All())
		if err != nil {
			t.Fatal(err)
		}
		schemas = append(schemas, s)
	}
	values := []string{"", "0", "1", "8", "true", "x", "<enabled/>", "<a/>", "{}", "YQ=="}
	rapid.Check(t, func(t *rapid.T) {
		tr := csp.NewTree(rapid.SampledFrom(schemas).Draw(t, "build"), host{user: rapid.Bool().Draw(t, "user")})
		rollback, at := tr.Begin(), tr.Overlay()
		near := rapid.SliceOfN(rapid.SampledFrom(uris), 1, 4).Draw(t, "near")
		for range rapid.IntRange(1, 20).Draw(t, "n") {
			uri := rapid.OneOf(rapid.SampledFrom(near), rapid.SampledFrom(uris)).Draw(t, "uri")
			verb := rapid.SampledFrom([]syncml.Verb{add, replace, get, del, syncml.Exec}).Draw(t, "verb")
			v := csp.Value{Data: rapid.SampledFrom(values).Draw(t, "data"), Format: rapid.SampledFrom([]string{"", "chr", "int", "bool", "node", "xml"}).Draw(t, "format")}
			before := tr.Overlay()
			a := tr.Do(t.Context(), verb, uri, v)
			if a.Code < 200 || a.Code > 599 {
				t.Fatalf("%s %s answers %d", verb, uri, a.Code)
			}
			// A handler may note why it failed, as SCEP does in Status: in nodes that a
			// server cannot write.
			if (a.Code >= 300 || verb == get) && len(tr.Overlay()) != len(before) && !strings.Contains(uri, "ClientCertificateInstall") && !strings.Contains(uri, "AppInstallation") {
				t.Fatalf("%s %s answers %d and changes the tree:\n%+v\n%+v", verb, uri, a.Code, before, tr.Overlay())
			}
			now := tr.Do(t.Context(), get, uri, csp.Value{})
			switch {
			case verb == add && a.Code == 200 && now.Code != 200 && now.Code != 405:
				t.Fatalf("%s was added, and Get answers %d", uri, now.Code)
			case (verb == add || verb == replace) && a.Code == 200 && now.Code == 200 && now.Format != "node" && now.Data != v.Data && !readByHandler(uri):
				t.Fatalf("%s = %q reads %q", uri, v.Data, now.Data)
			case verb == del && a.Code == 200 && now.Code == 200 && v.Data != "" && now.Data == v.Data && now.Format == "chr":
				t.Fatalf("%s was deleted and reads %q", uri, now.Data)
			}
		}
		rollback()
		if now := tr.Overlay(); len(now) != len(at) {
			t.Fatalf("the roll-back left %+v", now)
		}
	})
}

// readByHandler: nodes whose Get does not give what was written, by their documents.
func readByHandler(uri string) bool {
	for _, part := range []string{"ClientCertificateInstall", "CertificateStore", "RootCATrustedCertificates", "DMClient", "EnterpriseModernAppManagement", "DMAcc", "Reboot"} {
		if strings.Contains(uri, part) {
			return true
		}
	}
	return false
}

// TestEveryAreaOpens: each area of the table can be decoded, and its nodes are what a
// look-up in the whole set finds.
func TestEveryAreaOpens(t *testing.T) {
	b := embedded(t)
	total := 0
	for i := range b.Areas() {
		for _, p := range []csp.Platform{{Build: 26200}} {
			for _, n := range b.Nodes(i, p) {
				total++
				if n.Path == "" || n.Ops == 0 && n.Format != csp.Interior && n.Format != csp.Null && n.User == nil {
					t.Errorf("%+v", n)
				}
				if n.Default != "" && !n.Format.Accepts(n.Default) {
					t.Errorf("%s: the default %q is not of format %s", n.Path, n.Default, n.Format)
				}
			}
		}
	}
	if total < 3500 {
		t.Errorf("%d nodes on 26200", total)
	}
}
