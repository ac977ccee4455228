package report

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestPretty: a formatted message keeps what helps and hides secrets, in XML and in
// WBXML.
func TestPretty(t *testing.T) {
	item := func(uri, data, kind string) syncml.Item {
		it := syncml.Item{Target: syncml.Loc{LocURI: uri}, Data: data, HasData: true}
		if kind != "" {
			it = syncml.Item{Meta: &syncml.Meta{Type: kind}, Data: data, HasData: true}
		}
		return it
	}
	m := &syncml.Message{Hdr: syncml.SyncHdr{Cred: &syncml.Cred{Data: "hush1"}}, Body: []syncml.Command{
		{Verb: syncml.Atomic, CmdID: "1", Commands: []syncml.Command{{Verb: syncml.Add, CmdID: "2", Items: []syncml.Item{
			item("./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/x/PFXCertPassword", "hush2", ""),
			item("./User/Vendor/MSFT/WiFi/Profile/net/WlanXml", "<hush3/>", ""), item("./DevInfo/Lang", "de-DE", "")}}}},
		{Verb: syncml.Alert, CmdID: "3", Data: "1224", Items: []syncml.Item{item("", "hush4", "com.microsoft/MDM/AADUserToken")}},
		{Verb: syncml.Results, CmdID: "4", CmdRef: "1", Items: []syncml.Item{{Source: syncml.Loc{LocURI: "./Vendor/MSFT/DMClient/Provider/p/Push/ChannelURI"},
			Data: "https://db5p.notify.windows.com/?token=AwYhush5hush5", HasData: true}}}}}
	xml, err := syncml.Write(m)
	if err != nil {
		t.Fatal(err)
	}
	wbxml, err := syncml.WriteWBXML(m)
	if err != nil {
		t.Fatal(err)
	}
	for form, raw := range map[string][]byte{"XML": xml, "WBXML": wbxml} {
		s := Pretty(raw)
		if strings.Contains(s, "hush2") || strings.Contains(s, "hush1") || strings.Contains(s, "hush3") || strings.Contains(s, "hush4") || strings.Contains(s, "hush5hush5") {
			t.Errorf("%s: a secret shows in\n%s", form, s)
		}
		for _, want := range []string{"\n  <SyncBody>", "de-DE", "notify.windows.com", "PFXCertPassword"} {
			if !strings.Contains(s, want) {
				t.Errorf("%s: no %q in\n%s", form, want, s)
			}
		}
	}
	if got := Pretty([]byte("<html>")); got != "<html>" {
		t.Errorf("a body that is not SyncML came out as %q", got)
	}
}
