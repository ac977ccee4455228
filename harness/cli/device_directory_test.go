package cli

import (
	"crypto/rsa"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/entra"
)

// entraWorkshop is a reference server that trusts a directory at that address.
func entraWorkshop(t *testing.T) (w *workshop, directory string) {
	t.Helper()
	directory = testenv.Addr(t)
	return newWorkshop(t, "--auth-policy", "Federated", "--entra-keys", "http://"+directory+"/"+testTenant+"/discovery/v2.0/keys",
		"--entra-issuer", "https://sts.windows.net/"+testTenant+"/", "--entra-tenant", testTenant), directory
}

// TestDeviceTokens: devices that joined the fake directory keep it over processes: each
// session has a fresh token, an expired one is refused, and nothing shows a token.
func TestDeviceTokens(t *testing.T) {
	t.Parallel()
	w, directory := entraWorkshop(t)
	terms := "https://" + w.devices + "/EnrollmentServer/TermsOfUse"
	var all strings.Builder
	expect := func(out string, want ...string) {
		t.Helper()
		all.WriteString(out)
		for _, s := range want {
			if !strings.Contains(out, s) {
				t.Errorf("%q is not in\n%s", s, out)
			}
		}
	}
	expect(w.enroll("--type", "Device", "--entra", directory, "--entra-tenant", testTenant, "--terms", terms), "directory  tenant "+testTenant)
	expect(w.device(0, "show", "1"), "token      none in the last session\n") // the first one after a join
	expect(w.device(0, "sync", "-v"), "com.microsoft/MDM/AADUserToken", "[redacted]")
	const carried = "token      user demo@mdm.example, in the AADUserToken alert and Authorization: Bearer; "
	expect(w.device(0, "show", "1"), carried+"expires at ")
	if user := w.user(); user != "demo@mdm.example" {
		t.Errorf("the server shows %q", user)
	}
	expect(w.device(3, "sync", "--entra-token", "expired"), "HTTP status 401", "expired")
	expect(w.device(0, "show", "1"), carried+"expired at ")
	expect(w.device(0, "sync"), "1 device synced")
	w.device(0, "set", "1", "login=none")
	expect(w.device(0, "sync"))
	expect(w.device(0, "show", "1"), "token      none in the last session\n")
	if user := w.user(); user != "" {
		t.Errorf("the server shows %q while nobody is logged in", user)
	}
	w.device(0, "set", "1", "login=user", "./Vendor/MSFT/DMClient/Provider/dmwake%20MDM/ForceAadToken=1")
	expect(w.device(0, "sync"))
	expect(w.device(0, "show", "1"), carried, "token      device ", ", in the DeviceToken header; expires at ")

	// Without the directory sessions go on, without tokens.
	ln, err := net.Listen("tcp", directory)
	if err != nil {
		t.Fatal(err)
	}
	expect(w.device(0, "sync"), "the directory gives no token: ", directory)
	ln.Close()

	expect(w.device(3, "enroll", "--entra", directory, "--terms", terms, "--refuse-terms"), "the terms of use were declined")
	expect(w.device(2, "enroll", "--entra", directory, "--refuse-terms"), "--refuse-terms needs --terms")
	expect(w.device(2, "enroll", "--entra", directory, "--terms", "http://x"), "is not an https URL")
	expect(w.device(2, "enroll", "--terms", terms), "--terms needs the token of a user")
	expect(w.device(2, "sync", "--entra-token", "nice"), "--entra-token")
	if strings.Contains(all.String(), "eyJ") {
		t.Error("a token is shown")
	}
	if info, err := os.Stat(filepath.Join(w.dir, ".dmwake", "devices.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the directory's keys: %v, %v", info, err)
	}
}

// user is who the server says is logged in at the first device.
func (w *workshop) user() string {
	w.t.Helper()
	resp, err := http.Get("http://" + w.admin + "/devices")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var list []struct{ User string }
	if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 {
		w.t.Fatalf("%v: %s", err, raw)
	}
	return list[0].User
}

// TestDeviceConfiguredDirectory: target.directory and target.terms_of_use do what the
// flags do.
func TestDeviceConfiguredDirectory(t *testing.T) {
	t.Parallel()
	w, directory := entraWorkshop(t)
	config := "target:\n  discovery: https://" + w.devices + "/EnrollmentServer/Discovery.svc\n  ca: ca/ca.pem\n  username: demo@mdm.example\n" +
		"  directory: {listen: '" + directory + "', tenant: " + testTenant + ", life: 20m}\n  terms_of_use: https://" + w.devices + "/EnrollmentServer/TermsOfUse\n"
	if err := os.WriteFile(filepath.Join(w.dir, "dmwake.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	w.device(0, "enroll", "--config", "dmwake.yaml", "--key", "ec")
	w.device(0, "sync", "--config", "dmwake.yaml")
	out := w.device(0, "show", "1")
	_, until, ok := strings.Cut(out, "token      user demo@mdm.example, in the AADUserToken alert and Authorization: Bearer; expires at ")
	until, _, _ = strings.Cut(until, "\n")
	if at, err := time.Parse("2006-01-02 15:04 UTC", until); !ok || err != nil || time.Until(at) > 20*time.Minute {
		t.Errorf("%v\n%s", err, out)
	}
	if out := w.device(3, "enroll", "--config", "dmwake.yaml", "--key", "ec", "--refuse-terms"); !strings.Contains(out, "the terms of use were declined") {
		t.Error(out)
	}
}

// TestDeviceTokenHook: a real directory, behind target.hooks.token, gives the tokens of
// enrollments, sessions and devices; each process asks it again.
func TestDeviceTokenHook(t *testing.T) {
	t.Parallel()
	w, directory := entraWorkshop(t)
	idp, err := entra.New(entra.Config{BaseURL: "http://" + directory, Tenant: testTenant})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", directory)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 100)
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			idp.ServeHTTP(rw, r)
			return
		}
		q := r.URL.Query()
		asked <- q.Get("kind")
		token, err := idp.Issue(entra.Good, entra.Who{UPN: q.Get("user"), DeviceID: q.Get("device"), Device: q.Get("kind") == "device", Unregistered: q.Get("kind") == "terms"})
		if err != nil {
			t.Error(err)
		}
		io.WriteString(rw, token)
	})}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	config := "target:\n  discovery: https://" + w.devices + "/EnrollmentServer/Discovery.svc\n  ca: ca/ca.pem\n  username: demo@mdm.example\n" +
		"  terms_of_use: https://" + w.devices + "/EnrollmentServer/TermsOfUse\n" +
		"  hooks: {token: {http: {method: GET, url: 'http://" + directory + "/token?kind={{.TokenKind}}&user={{.Username}}&device={{.DirectoryID}}'}}}\n"
	if err := os.WriteFile(filepath.Join(w.dir, "dmwake.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	w.device(0, "enroll", "--config", "dmwake.yaml", "--key", "ec")
	w.device(0, "set", "1", "./Vendor/MSFT/DMClient/Provider/dmwake%20MDM/ForceAadToken=1")
	w.device(0, "sync", "--config", "dmwake.yaml")
	if out := w.device(0, "show", "1"); !strings.Contains(out, "token      user demo@mdm.example, ") || !strings.Contains(out, "token      device ") {
		t.Error(out)
	}
	close(asked)
	var kinds []string
	for kind := range asked {
		kinds = append(kinds, kind)
	}
	// The first session of the enrollment has the token of the enrollment.
	if got := strings.Join(kinds, " "); got != "terms user user device" {
		t.Errorf("the hook was asked for %s", got)
	}
}

// TestStoredDirectory: the keys that were made come back in their order.
func TestStoredDirectory(t *testing.T) {
	var d storedDirectory
	var made []*rsa.PrivateKey
	next := d.key()
	for range 2 {
		k, err := next()
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, k)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var again storedDirectory
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	next = again.key()
	for i := range made {
		if k, err := next(); err != nil || !k.Equal(made[i]) {
			t.Errorf("key %d: %v", i, err)
		}
	}
}

func TestDescribeToken(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for want, c := range map[string]dmclient.Carried{
		"user u@x, in Authorization: Bearer; expires at 2026-03-01 12:01 UTC":          {Of: "u@x", In: dmclient.InBearer, Expires: now.Add(time.Minute)},
		"device d, in the DeviceToken header; expired at 2026-03-01 12:00 UTC":         {Of: "d", Device: true, In: dmclient.InDeviceToken, Expires: now},
		"user (not named), in the AADUserToken alert; it does not say when it expires": {In: dmclient.InAlert},
	} {
		if got := describeToken(c, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
