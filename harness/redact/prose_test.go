package redact

import (
	"encoding/base64"
	"math/rand/v2"
	"testing"
)

// TestProse: URLs, names and ids are the reason of a refusal and stay; blobs in
// base64 and JWTs go, wherever they stand.
func TestProse(t *testing.T) {
	for _, same := range []string{
		"unexpected namespace http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
		"no handler for /EnrollmentServer/DeviceEnrollmentWebService/Policies/Version2",
		"http://schemas.microsoft.com/windows/management/2012/01/enrollment/IDiscoveryService/Discover",
		"http://docs.oasis-open.org/ws-sx/ws-trust/200512/RequestSecurityTokenOnBehalfOf",
		"urn:schemas-microsoft-com:dmwake/enrollment/provisioning/document",
		"type Microsoft.Enrollment.DeviceManagement.WindowsEnrollmentServiceFactory is not known",
		"IDeviceManagementEnrollmentServiceFactory is nil",
		"device 3F2504E0-4F89-11D3-9A0C-0305E82C3301 at https://mdm.example/devices/3F2504E0-4F89-11D3-9A0C-0305E82C3301/enrollments/policy",
	} {
		if got := Prose(same); got != same {
			t.Errorf("%q became %q", same, got)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		b := make([]byte, 36+r.IntN(60))
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		if named.MatchString(base64.StdEncoding.EncodeToString(b)) {
			continue // "pwd" in it, by chance: hidden in two parts
		}
		for _, blob := range []string{base64.StdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b)} {
			if got := Prose("bad request: " + blob + " refused"); got != "bad request: [redacted] refused" {
				t.Fatalf("%q became %q", blob, got)
			}
		}
		blob := base64.RawURLEncoding.EncodeToString(b)
		if got := Prose("GET https://mdm.example/enroll/" + blob + "/x"); got != "GET https://mdm.example/enroll/"+blob[:4]+"...[redacted]/x" && !named.MatchString(blob) {
			t.Fatalf("%q became %q", blob, got)
		}
	}
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln"
	if got := Prose("assertion " + token + " has no audience"); got != "assertion [redacted] has no audience" {
		t.Error(got)
	}
}
