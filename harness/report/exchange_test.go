package report

import (
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		`<wsse:Password wsse:Type="x">hunter2</wsse:Password>`:                                  `<wsse:Password wsse:Type="x">[redacted]</wsse:Password>`,
		`<Password>hunter2</Password>`:                                                          `<Password>[redacted]</Password>`,
		`<BinarySecurityToken a="b">AAAA</BinarySecurityToken>`:                                 `<BinarySecurityToken a="b">[redacted]</BinarySecurityToken>`,
		`<Data>https://db5p.notify.windows.com/?token=AwYAbcdefgh%2b%3d</Data>`:                 `<Data>https://db5p.notify.windows.com/?token=AwYAbc...[redacted]</Data>`,
		`<Cred><Meta><Type xmlns="syncml:metinf">b64</Type></Meta><Data>c2VjcmV0</Data></Cred>`: `<Cred><Meta><Type xmlns="syncml:metinf">b64</Type></Meta><Data>[redacted]</Data></Cred>`,
		`Authorization: Bearer EgAabc-_`:                                                        `Authorization: Bearer [redacted]`,
		`<Data>./DevInfo/Mod</Data>`:                                                            `<Data>./DevInfo/Mod</Data>`,
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%s) = %s", in, got)
		}
	}
	long := Body([]byte(strings.Repeat("x", MaxBody+5)))
	if !strings.HasSuffix(long, "...[5 bytes more]") {
		t.Errorf("a long body ends in %q", long[len(long)-30:])
	}
}
