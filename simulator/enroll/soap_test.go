package enroll

import "testing"

// TestForeignHeaders: a header block of another namespace is none of SOAP's, of
// whatever name.
func TestForeignHeaders(t *testing.T) {
	const foreign = `<x:Action xmlns:x="urn:x">theirs</x:Action><x:Security xmlns:x="urn:x"><x:Timestamp><x:Created>theirs</x:Created></x:Timestamp></x:Security>`
	for name, c := range map[string]struct{ block, want string }{
		"ours beside it":    {`<a:Action xmlns:a="` + nsAddressing + `">ours</a:Action>`, "ours"},
		"an unbound prefix": {`<a:Action>ours</a:Action>`, "ours"},
		"none of ours":      {"", ""},
	} {
		e, err := ReadEnvelope([]byte(`<s:Envelope xmlns:s="` + nsSOAP + `"><s:Header>` + foreign + c.block + `</s:Header><s:Body/></s:Envelope>`))
		if err != nil || e.Action != c.want || e.Created != "" {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}
