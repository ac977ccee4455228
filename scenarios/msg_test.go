package scenarios

import (
	"testing"

	"github.com/beevik/etree"
)

func TestBadURI(t *testing.T) {
	for uri, bad := range map[string]bool{
		"./Device/Vendor/MSFT/Policy": false, "./DevInfo/Lang": false, ".": false, "./Vendor/MSFT/NodeCache?list=StructData": false, "./User/Vendor/MSFT/X/%2F": false,
		"": true, "/DevInfo": true, "DevInfo/Lang": true, "./DevInfo/": true, "./Vendor//MSFT": true, "./": true,
	} {
		if badURI(uri) != bad {
			t.Errorf("%q: bad %v", uri, !bad)
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
