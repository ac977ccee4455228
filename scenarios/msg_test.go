package scenarios

import (
	"testing"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestNamedByCertificate: to a foreign Source a server may answer as to the holder of
// the certificate. To a device's own Source it may not name another.
func TestNamedByCertificate(t *testing.T) {
	for want, o := range map[report.Outcome]lab.Options{
		report.Passed: {Variants: []*variants.Variant{variants.CertNamed}},
		report.Failed: {Mutants: []*mutants.Mutant{mutants.SesSwapped}},
	} {
		o.Seed, o.Keys = 1, sharedKeys
		l, err := lab.Start(nil, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		stranger := Scenario{ID: "MSG-02", Level: report.Must, Hears: namesSession, Run: func(t *T) {
			t.Enrolled().Sync(dmclient.SyncOptions{Source: "another"})
		}}
		if r, err := suite.Run(t.Context(), l, &stranger); r.Outcome != want {
			t.Errorf("%s %v; expected %s, saw %s", r.Outcome, err, r.Expected, r.Saw)
		}
	}
}

// TestCrossed: sessions of a device and of its copy at the same time are told apart
// from sessions one after another. A server may end the first for the second, and
// then numbers anew.
func TestCrossed(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Keys: sharedKeys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	crossed := map[string]bool{}
	both := Scenario{ID: "MSG-03", Level: report.Must, Run: twoAtOnce, Hears: func(h *suite.Heard) { crossed[h.ID] = h.Crossed }}
	if r, err := suite.Run(t.Context(), l, &both); r.Outcome != report.Passed {
		t.Errorf("%s %v; expected %s, saw %s", r.Outcome, err, r.Expected, r.Saw)
	}
	both.Run = func(t *T) { t.Interrupted(t.Enrolled().Sync(dmclient.SyncOptions{SessionID: "61"})) } // by a restart
	if r, err := suite.Run(t.Context(), l, &both); r.Outcome != report.Passed {
		t.Errorf("%s %v", r.Outcome, err)
	}
	if !crossed["61"] || !crossed["51"] || !crossed["52"] || crossed["1"] {
		t.Errorf("crossed: %v", crossed)
	}
}

func TestBadURI(t *testing.T) {
	for uri, bad := range map[string]bool{
		"./Device/Vendor/MSFT/Policy": false, "./DevInfo/Lang": false, ".": false, "./Vendor/MSFT/NodeCache?list=StructData": false, "./User/Vendor/MSFT/X/%2F": false,
		"": true, "/DevInfo": true, "DevInfo/Lang": true, "./DevInfo/": true, "./Vendor//MSFT": true, "./": true, "./Vendor/*/X": true, "./Vendor/*": true, "./Vendor/a*": false,
	} {
		if badURI(uri) != bad {
			t.Errorf("%q: bad %v", uri, !bad)
		}
	}
}

func TestUnencoded(t *testing.T) {
	for uri, bad := range map[string]bool{
		"./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server": false, "./Vendor/MSFT/Policy/Config/Chrome~Policy~googlechrome/Homepage": false, "./Vendor/MSFT/X/{0a1b}/%7B1%7D": false,
		"./Vendor/MSFT/My Server": true, "./Vendor/MSFT/B\u00fcro": true, "./Vendor/MSFT/100%": true, "./Vendor/MSFT/100%/X": true, "./Vendor/MSFT/a%2": true, "./Vendor/MSFT/a\tb": true,
	} {
		if unencoded.MatchString(uri) != bad {
			t.Errorf("%q: unencoded %v", uri, !bad)
		}
	}
}

// TestForItems: one Status for each Item, and each names another.
func TestForItems(t *testing.T) {
	c := &syncml.Command{Items: []syncml.Item{{Source: syncml.Loc{LocURI: "./DevInfo/Mod"}}, {Target: syncml.Loc{LocURI: "./DevInfo/Lang"}}}}
	mod, lang := syncml.Command{SourceRef: []string{"./DevInfo/Mod"}}, syncml.Command{TargetRef: []string{"./DevInfo/Lang"}}
	for _, x := range []struct {
		found []syncml.Command
		want  bool
	}{
		{[]syncml.Command{mod, lang}, true}, {[]syncml.Command{lang, mod}, true},
		{[]syncml.Command{mod}, false}, {[]syncml.Command{mod, mod}, false}, {[]syncml.Command{mod, {}}, false}, {[]syncml.Command{mod, lang, lang}, false}, {[]syncml.Command{{}, {}}, false},
	} {
		if got := forItems(c, x.found); got != x.want {
			t.Errorf("%+v: %v", x.found, got)
		}
	}
	c.Items[1] = syncml.Item{Data: "1"} // of an Alert
	for _, x := range []struct {
		second syncml.Command
		want   bool
	}{{syncml.Command{}, true}, {syncml.Command{SourceRef: []string{""}}, true}, {mod, false}} {
		if got := forItems(c, []syncml.Command{mod, x.second}); got != x.want {
			t.Errorf("an Item without a name, %+v: %v", x.second, got)
		}
	}
}

// TestAddedAndReplaced: the order counts, and commands may stand in a Sequence.
func TestAddedAndReplaced(t *testing.T) {
	on := func(verb syncml.Verb, uris ...string) syncml.Command {
		c := syncml.Command{Verb: verb}
		for _, u := range uris {
			c.Items = append(c.Items, syncml.Item{Target: syncml.Loc{LocURI: u}})
		}
		return c
	}
	for _, x := range []struct {
		in   []syncml.Command
		want string
	}{
		{[]syncml.Command{on(syncml.Add, "./A"), on(syncml.Replace, "./a")}, "./a"},
		{[]syncml.Command{on(syncml.Add, "./A", "./B"), on(syncml.Replace, "./C", "./B")}, "./B"},
		{[]syncml.Command{on(syncml.Add, "./A"), {Verb: syncml.Sequence, Commands: []syncml.Command{on(syncml.Replace, "./A")}}}, "./A"},
		{[]syncml.Command{on(syncml.Replace, "./A"), on(syncml.Add, "./A")}, ""},
		{[]syncml.Command{on(syncml.Add, "./A"), on(syncml.Exec, "./A"), on(syncml.Replace, "./A/B")}, ""},
	} {
		if got := addedAndReplaced(&syncml.Command{Verb: syncml.Atomic, Commands: x.in}); got != x.want {
			t.Errorf("%+v: %q", x.in, got)
		}
	}
}

// TestMisplaced: the order of the DTD, with elements of others between.
func TestMisplaced(t *testing.T) {
	for in, want := range map[string]string{
		"<Item><Target/><Source/><Meta/><Data/><MoreData/></Item>":                                    "",
		"<Item><Source/></Item>":                                                                      "",
		"<Item><Meta/><Target/></Item>":                                                               "Target after Meta in Item",
		"<Item><Target/><Data/><Meta/></Item>":                                                        "Meta after Data in Item",
		"<Status><CmdID/><MsgRef/><CmdRef/><Cmd/><Chal/><Data/><Item/><Item/></Status>":               "",
		"<Status><MsgRef/><CmdID/></Status>":                                                          "CmdID after MsgRef in Status",
		"<Replace><CmdID/><Item/><Meta/></Replace>":                                                   "Meta after Item in Replace",
		"<Atomic><CmdID/><Replace/><Add/><Replace/></Atomic>":                                         "",
		"<Atomic><Replace/><CmdID/></Atomic>":                                                         "CmdID after Replace in Atomic",
		"<SyncBody><Status/><Get/><Final/></SyncBody>":                                                "",
		"<SyncBody><Status/><Final/><Get/></SyncBody>":                                                "Get after Final",
		"<Replace><CmdID/><x:Trace xmlns:x='urn:x'/><Item/></Replace>":                                "",
		"<Unknown><B/><A/></Unknown>":                                                                 "",
		"<SyncHdr><VerDTD/><VerProto/><SessionID/><MsgID/><Target/><Source/><Cred/><Meta/></SyncHdr>": "",
		"<SyncHdr><VerProto/><VerDTD/></SyncHdr>":                                                     "VerDTD after VerProto in SyncHdr",
		"<Results><CmdID/><MsgRef/><CmdRef/><Meta/><Item/></Results>":                                 "",
		"<Alert><CmdID/><Data/><Item/></Alert>":                                                       "",
		"<Exec><CmdID/><Meta/><Item/></Exec>":                                                         "",
	} {
		doc := etree.NewDocument()
		if err := doc.ReadFromString(in); err != nil {
			t.Fatal(err)
		}
		if got := outOfOrder(doc.Root()); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestForeignMeta(t *testing.T) {
	for in, want := range map[string]string{
		`<a><Meta><Format xmlns="syncml:metinf">int</Format></Meta></a>`:       "",
		`<a xmlns:m="syncml:metinf"><Meta><m:Format>int</m:Format></Meta></a>`: "",
		`<a><Meta xmlns="syncml:metinf"><Format>int</Format></Meta></a>`:       "",
		`<a><Meta></Meta></a>`:                                  "",
		`<a><Data><Meta><Format>int</Format></Meta></Data></a>`: "",
		`<a><Meta><Format>int</Format></Meta></a>`:              `Format in namespace nothing`,
		`<a xmlns="SYNCML:SYNCML1.2"><Meta><Type xmlns="syncml:metinf">t</Type><Size>1</Size></Meta></a>`: `Size in namespace SYNCML:SYNCML1.2`,
	} {
		if got := foreignMeta([]byte(in)); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
