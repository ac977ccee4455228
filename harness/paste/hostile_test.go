package paste

import (
	"strings"
	"testing"
)

// TestLinear: a hostile log fits into the time of the test; a quadratic reader would
// take hours.
func TestLinear(t *testing.T) {
	const size = 256 << 10
	for _, unit := range []string{"<SyncML ", "</SyncML>", "<SyncML ></SyncML>", "<a:SyncML>", "<Envelope>", "&lt;SyncML ", "<SyncML &lt;SyncML>", "%3CSyncML%3E", "\\u003cSyncML ", "\\", "&amp;", "%25", "<!-- ignore this line",
		"PFN5bmNNT", "PFN5bmNNTCB4bWxucz0i\n", strings.Repeat("PD94bWwg", 10) + "\n", "<Event ", "<Event></Event>", "MDM Session: x\n", "          MDM Session: x", "0x80180001 ", "\n", "a\n", "((((", "[](", "user=", "a@b.cd ", "://",
		"1:", "<td>PC name</td><td>", message, message[:len(message)/2]} {
		for _, head := range []string{"", message + "10:00 x: <SyncML\n"} {
			t.Run(unit[:min(len(unit), 12)], func(*testing.T) {
				l, err := Read([]byte(head + strings.Repeat(unit, size/len(unit))))
				if err != nil {
					return
				}
				for _, s := range l.Sessions() {
					s.Commands()
				}
			})
		}
	}
}

// TestAnonymizeLinear is TestLinear for Anonymize.
func TestAnonymizeLinear(t *testing.T) {
	const size = 64 << 10
	for _, unit := range []string{"<SyncML ", "%3CSyncML%3E", "\\u003c", "&amp;", "PFN5bmNNT", "user=ab ", "a@b.cd ", "a@longer-name.example ", "://host.example/", "token=", "1.2.3.4 ", "ab:", "0123456789abcdef ", message} {
		t.Run(unit[:min(len(unit), 12)], func(*testing.T) {
			Anonymize([]byte(strings.Repeat(unit, size/len(unit))))
		})
	}
}
