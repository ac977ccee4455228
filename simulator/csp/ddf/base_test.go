package ddf_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// host is a device without a push client.
type host struct{ user bool }

func (host) SetPFN(*csp.Call, string, string) int { return syncml.OK }
func (host) Channel(string) (string, int)         { return "", 0 }
func (host) RemovePush(string)                    {}
func (host) Fact(string) string                   { return "" }
func (host) Now() time.Time                       { return time.Unix(1_700_000_000, 0) }
func (h host) UserSession() bool                  { return h.user }
func (host) Effect(csp.Effect)                    {}
func (host) Decrypt([]byte) ([]byte, error)       { return nil, errors.New("no key") }
func (host) Begin(csp.Job)                        {}
func (host) Save() func()                         { return func() {} }

func embedded(t testing.TB) *ddf.Base {
	t.Helper()
	b, err := ddf.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tree makes the tree of a device with a logged-in user.
func tree(t testing.TB, o csp.Options) *csp.Tree {
	t.Helper()
	s, err := csp.NewSchema(o, csp.All())
	if err != nil {
		t.Fatal(err)
	}
	return csp.NewTree(s, host{user: true})
}

// step is a command and its answer: verb, LocURI, format, data; status, result.
type step struct {
	verb         syncml.Verb
	uri, format  string
	data         string
	code         int
	result, form string // of a Get
}

func steps(t *testing.T, tree *csp.Tree, list []step) {
	t.Helper()
	for i, s := range list {
		a := tree.Do(context.Background(), s.verb, s.uri, csp.Value{Format: s.format, Data: s.data, HasData: s.data != ""})
		if a.Code != s.code || s.verb == syncml.Get && (a.Data != s.result || s.form != "" && a.Format != s.form) {
			t.Errorf("step %d: %s %s %s %q answers %d %s %q, want %d %s %q", i+1, s.verb, s.uri, s.format, s.data, a.Code, a.Format, a.Data, s.code, s.form, s.result)
		}
	}
}

var (
	win11 = csp.Platform{Build: 22631}
	win10 = csp.Platform{Build: 19045}
)

// TestDeviceAnswersForTheTable: CSPs without a tree of their own, on several builds.
func TestDeviceAnswersForTheTable(t *testing.T) {
	b := embedded(t)
	const (
		firewall  = "./Vendor/MSFT/Firewall/MdmStore/DomainProfile/EnableFirewall"
		shared    = "./Vendor/MSFT/SharedPC/EnableSharedPCMode"
		laps      = vendor + "LAPS/Policies/"
		bitlocker = vendor + "BitLocker/"
	)
	steps(t, tree(t, csp.Options{Platform: win11, Base: b}), []step{
		{get, shared, "", "", 200, "false", "bool"}, // its default
		{replace, shared, "bool", "true", 200, "", ""},
		{get, shared, "", "", 200, "true", "bool"},
		{replace, shared, "int", "1", 415, "", ""},
		{replace, shared, "bool", "perhaps", 415, "", ""},
		{get, "./vendor/msft/sharedpc/enablesharedpcmode", "", "", 200, "true", "bool"},
		{replace, firewall, "bool", "false", 200, "", ""},
		{get, firewall, "", "", 405, "", ""}, // the DDF gives it Replace alone
		{get, laps + "PasswordLength", "", "", 404, "", ""},
		{add, laps + "PasswordLength", "int", "7", 500, "", ""}, // [8-64]
		{add, laps + "PasswordLength", "int", "20", 200, "", ""},
		{add, laps + "PasswordLength", "int", "20", 418, "", ""},
		{get, laps + "PasswordLength", "", "", 200, "20", "int"},
		{del, laps + "PasswordLength", "", "", 200, "", ""},
		{get, laps + "PasswordLength", "", "", 404, "", ""},
		{replace, bitlocker + "SystemDrivesRequireStartupAuthentication", "chr", "on", 500, "", ""},
		{replace, bitlocker + "SystemDrivesRequireStartupAuthentication", "chr", `<enabled/><data id="x" value="1"/>`, 200, "", ""},
		{get, bitlocker + "Status/DeviceEncryptionStatus", "", "", 200, "0", "int"},
		{replace, bitlocker + "Status/DeviceEncryptionStatus", "int", "1", 405, "", ""},
		{get, "./User/Vendor/MSFT/Firewall/MdmStore", "", "", 404, "", ""},
		{get, vendor + "NoSuchCSP/Node", "", "", 404, "", ""},
		{syncml.Exec, bitlocker + "RotateRecoveryPasswords", "chr", "x", 200, "", ""},
	})
	for build, code := range map[csp.Platform]int{ // LAPS: 25145, and backports
		{Build: 22631}: 200, {Build: 22621, Revision: 1479}: 404, {Build: 22621, Revision: 1480}: 200,
		{Build: 19045}: 200, {Build: 19045, Revision: 2783}: 404, {Build: 10586}: 404, {Build: 26200}: 200,
	} {
		steps(t, tree(t, csp.Options{Platform: build, Base: b}), []step{{add, laps + "PasswordLength", "int", "20", code, "", ""}})
	}
	// Without the table, and on phones and Windows 8.1, which no DDF v2 describes.
	steps(t, tree(t, csp.Options{Platform: win11}), []step{{get, shared, "", "", 404, "", ""}})
}

// TestHandWrittenTreesWin: a node of a tree stays as it is, and one that the tree gives
// to other platforms is hidden, though the DDF has it.
func TestHandWrittenTreesWin(t *testing.T) {
	b := embedded(t)
	alone, both := tree(t, csp.Options{Platform: win10}), tree(t, csp.Options{Platform: win10, Base: b})
	for _, c := range csp.All() {
		nodes, err := c.Nodes()
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes {
			if strings.Contains(n.Path, "{") || n.Format == csp.Interior {
				continue // its list may have more names
			}
			for _, scope := range []string{"./", "./User/"} {
				uri := scope + n.Path
				x, y := alone.Do(t.Context(), syncml.Get, uri, csp.Value{}), both.Do(t.Context(), syncml.Get, uri, csp.Value{})
				if n.Path != "Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions" && (x.Code != y.Code || x.Data != y.Data || x.Format != y.Format) {
					t.Errorf("%s: %+v, and with the DDF %+v", uri, x, y)
				}
			}
		}
	}
}

// TestDevicesShareASchema: devices that open areas at the same time get the same
// answers; under -race nothing is written that another reads.
func TestDevicesShareASchema(t *testing.T) {
	s, err := csp.NewSchema(csp.Options{Platform: win11, Base: embedded(t)}, csp.All())
	if err != nil {
		t.Fatal(err)
	}
	uris := []string{policy + "Camera/AllowCamera", vendor + "BitLocker/Status/DeviceEncryptionStatus", policy[:len(policy)-1], "./Vendor/MSFT", vendor + "DMClient/HWDevID",
		result + "Camera/AllowCamera", "./User/Vendor/MSFT/PassportForWork", vendor + "DeviceManageability/Capabilities/CSPVersions"}
	answers := make([]string, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			tr := csp.NewTree(s, host{user: true})
			for k := range uris {
				uri := uris[(k+i)%len(uris)]
				tr.Do(t.Context(), replace, policy+"Camera/AllowCamera", csp.Value{Format: "int", Data: "0"})
				tr.Do(t.Context(), get, uri, csp.Value{})
			}
			for _, uri := range uris {
				a := tr.Do(t.Context(), get, uri, csp.Value{})
				answers[i] += fmt.Sprint(a.Code, a.Format, a.Data, "\n")
			}
		})
	}
	wg.Wait()
	for _, a := range answers {
		if a != answers[0] {
			t.Errorf("%s\nand\n%s", a, answers[0])
		}
	}
}
