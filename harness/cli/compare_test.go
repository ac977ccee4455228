package cli

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/compare"
)

// TestRecordAndCompare: what "dmwake mdm --record" wrote of a simulated device equals
// it; what it wrote of one that misbehaves shows how.
func TestRecordAndCompare(t *testing.T) {
	w := newWorkshop(t, "--record", "traces", "--session-auth", "md5")
	recorded := func(session ...string) string {
		w.device(0, append([]string{"sync"}, session...)...)
		path := filepath.Join(w.dir, "traces", "device-"+w.list()[0].DeviceID+".txt")
		raw, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(raw), "secret-1") {
			t.Fatalf("no recording, or it has the password: %v", err)
		}
		return path
	}
	w.enroll("--profile", "win11-25h2", "--key", "rsa")
	file := recorded()
	out := w.device(0, "compare", file)
	if !strings.Contains(out, "compared with profile win11-25h2: the profile of build 26200 (10.0.26200.9278 of the RST's OSVersion)") || !strings.Contains(out, "; 0 differences\n") {
		t.Errorf("%s", out)
	}
	recorded("--fault", "cmdid-gaps")
	out = w.device(1, "compare", file)
	if !strings.Contains(out, "\nnumbering\n") || !strings.Contains(out, "    Windows    7 10 13\n    simulated  2 3 4\n    means      the CmdIDs differ") || !strings.Contains(out, "; 2 differences\n") {
		t.Errorf("%s", out)
	}
	var result struct {
		Dmwake  string
		Devices []compare.Result
	}
	if err := json.Unmarshal([]byte(w.device(1, "compare", file, "--json", "--profile", "win11-25h2")), &result); err != nil || result.Dmwake == "" || len(result.Devices) != 1 || len(result.Devices[0].Differences) != 2 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestNamesOfDevices: a real device connects to the name in --url, and to the one it
// derives from the user's domain; both have a certificate of the lab's CA.
func TestNamesOfDevices(t *testing.T) {
	w := newWorkshop(t, "--url", "https://mdm.corp.example", "--username", "demo@MDM.example")
	pem, err := os.ReadFile(filepath.Join(w.dir, "ca", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for name, good := range map[string]bool{"mdm.corp.example": true, "EnterpriseEnrollment.mdm.example": true, "other.example": false} {
		conn, err := tls.Dial("tcp", w.devices, &tls.Config{RootCAs: roots, ServerName: name})
		if (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}
