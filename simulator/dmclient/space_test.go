package dmclient

import "testing"

func TestSpaced(t *testing.T) {
	for raw, want := range map[string]bool{
		`<a><b>x</b><c/></a>`:                                    false,
		"<?xml version=\"1.0\"?>\n<a><b>x</b></a>\n":             false,
		"<a><b> </b><c>\n</c></a>":                               false, // texts
		"<a><b> <![CDATA[<c> </c>]]></b></a>":                    false,
		"<a><b>1 &lt; 2 &gt; 3</b></a>":                          false,
		"<a>\n<b/></a>":                                          true,
		"<a><b/> <c/></a>":                                       true,
		"<a><b>x</b>\t</a>":                                      true,
		`<p:a xmlns:p="x"><p:b> x </p:b></p:a>`:                  false,
		`<p:a xmlns:p="x"><p:b> x </p:b> <!-- y --><p:b/></p:a>`: true,
	} {
		if got := spaced([]byte(raw)); got != want {
			t.Errorf("%q: %v", raw, got)
		}
	}
}

// TestRecordOfVersion2: of a directory it has only the token that enrolled the device,
// and the first session is over.
func TestRecordOfVersion2(t *testing.T) {
	for _, token := range []string{"", "a token"} {
		d, err := New(Config{Discovery: "https://x", Identity: capturedIdentity()})
		if err != nil {
			t.Fatal(err)
		}
		d.directory.token = token
		record, err := d.Pack(Packing{})
		if err != nil || record[0] != 3 {
			t.Fatalf("version %d, %v", record[0], err)
		}
		record[0] = 2
		if d, err = Unpack(Config{Discovery: "https://x"}, Packing{}, record); err != nil {
			t.Fatal(err)
		}
		if dir := d.directory; dir.member != (token != "") || !dir.signedIn || dir.token != token {
			t.Errorf("%+v", dir)
		}
	}
}

// TestRecordOfVersion1 reads a record from before it told how many quirks it
// knows: the later ones are as in the profile.
func TestRecordOfVersion1(t *testing.T) {
	d, err := New(Config{Discovery: "https://x", Profile: Win81(), Identity: capturedIdentity()})
	if err != nil {
		t.Fatal(err)
	}
	record, err := d.Pack(Packing{})
	if err != nil {
		t.Fatal(err)
	}
	now := &decoder{b: record}
	now.uint()
	name := now.string()
	now.uint()
	now.uint()
	old := &encoder{}
	old.uint(1)
	old.string(name)
	old.uint(1 << 2) // case-sensitive
	d, err = Unpack(Config{Discovery: "https://x"}, Packing{}, append(old.b, now.b...))
	if err != nil {
		t.Fatal(err)
	}
	want := Win81().Quirks
	want.CaseSensitive = true
	if d.own != want || d.Identity().DeviceID != capturedIdentity().DeviceID {
		t.Errorf("quirks %v, want %v", d.own.Active(), want.Active())
	}
}
