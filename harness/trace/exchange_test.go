package trace

import (
	"testing"
	"time"
)

// FuzzRecording: whatever a file has in it, reading it ends; and what was written is
// read again.
func FuzzRecording(f *testing.F) {
	x := session("A")
	f.Add(recordingMark+string(x.text()), []byte("body"), "name", "value")
	f.Add(recordingMark+string(x.text()[:200])+string(x.text()), []byte("\n-> x"), "a", "b\nc")
	f.Add("", []byte("\n"), "a\u00a0b\u2003c", "d\u0085e\u2028f")
	f.Fuzz(func(t *testing.T, text string, body []byte, name, value string) {
		ParseRecording(text)
		in := Exchange{At: time.Unix(1, 0), Method: name, URL: value, Request: body, Response: body, Status: 200}
		list, damaged, ok := ParseRecording(recordingMark + string(in.text()))
		if !ok || damaged != 0 || len(list) != 1 || string(list[0].Request) != string(body) || string(list[0].Response) != string(body) {
			t.Errorf("%q is read as %+v, %d damaged", in.text(), list, damaged)
		}
	})
}
