package dmclient

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestAssemble: what a large object's chunks are answered.
func TestAssemble(t *testing.T) {
	chunkOf := func(uri, data, size string, more bool) syncml.Command {
		c := syncml.Command{Verb: syncml.Replace, CmdID: "1", Items: []syncml.Item{{Target: syncml.Loc{LocURI: uri}, Data: data, HasData: true, MoreData: more}}}
		if size != "" {
			c.Items[0].Meta = &syncml.Meta{Size: size, Format: "chr"}
		}
		return c
	}
	const a, b = "./Vendor/MSFT/Policy/Config/Browser/HomePages", "./Vendor/MSFT/Policy/Config/Browser/EnterpriseModeSiteList"
	for name, c := range map[string]struct {
		in    []syncml.Command
		codes string // of the Statuses, and 1225 where that alert was sent
		value string // of a
	}{
		"whole":          {[]syncml.Command{chunkOf(a, "ab", "4", true), chunkOf(a, "cd", "", false)}, "213 200", "abcd"},
		"too short":      {[]syncml.Command{chunkOf(a, "ab", "5", true), chunkOf(a, "cd", "", false)}, "213 424", ""},
		"too long":       {[]syncml.Command{chunkOf(a, "ab", "3", true), chunkOf(a, "cd", "", true)}, "213 424", ""},
		"no size":        {[]syncml.Command{chunkOf(a, "ab", "", true)}, "416", ""},
		"too large":      {[]syncml.Command{chunkOf(a, "ab", "99999999", true)}, "413", ""},
		"never ended":    {[]syncml.Command{chunkOf(a, "ab", "4", true), chunkOf(b, "x", "", false)}, "213 200 1225", ""},
		"another object": {[]syncml.Command{chunkOf(a, "ab", "4", true), chunkOf(b, "x", "2", true), chunkOf(b, "y", "", false)}, "213 213 1225 200", ""},
	} {
		d := account(t, Win11(), nil)
		s := &Session{}
		x := &executor{ctx: t.Context(), r: &running{d: d, s: s}, d: d, s: s, msgRef: "1"}
		for i := range c.in {
			x.command(&c.in[i])
		}
		var codes []string
		for _, o := range x.out {
			codes = append(codes, o.Data)
		}
		if got := strings.Join(codes, " "); got != c.codes {
			t.Errorf("%s: answered %s, want %s", name, got, c.codes)
		}
		if got, _ := d.tree.Get(a); got != c.value {
			t.Errorf("%s: the value is %q, want %q", name, got, c.value)
		}
	}
}

// TestSizeIsOfTheEncoding: MaxMsgSize bounds the bytes that are sent, so a
// WBXML session counts WBXML bytes.
func TestSizeIsOfTheEncoding(t *testing.T) {
	m := &syncml.Message{Hdr: syncml.SyncHdr{SessionID: "1", MsgID: "1"}, Final: true}
	binary, err := syncml.WriteWBXML(m)
	if err != nil {
		t.Fatal(err)
	}
	text, err := syncml.Write(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := (&running{wbxml: true}).size(m); got != len(binary) {
		t.Errorf("WBXML: %d bytes, want %d", got, len(binary))
	}
	if got := (&running{}).size(m); got != len(text) {
		t.Errorf("XML: %d bytes, want %d", got, len(text))
	}
}
