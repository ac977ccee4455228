package csp

import (
	"context"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// fakeHost is a device whose WNS client accepts any PFN, or answers code.
type fakeHost struct {
	pfn, removed string
	code         int
	user         bool
	facts        map[string]string
	effects      []Effect
	jobs         []Job
}

func (f *fakeHost) SetPFN(_ *Call, _, pfn string) int { f.pfn = pfn; return f.code }
func (f *fakeHost) Channel(string) (string, int) {
	if f.pfn == "" {
		return "", 4
	}
	return "https://db5p.notify.windows.com/?token=x", 0
}
func (f *fakeHost) RemovePush(p string)                { f.removed, f.pfn = p, "" }
func (f *fakeHost) Fact(name string) string            { return f.facts[name] }
func (f *fakeHost) Now() time.Time                     { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
func (f *fakeHost) UserSession() bool                  { return f.user }
func (f *fakeHost) Effect(e Effect)                    { f.effects = append(f.effects, e) }
func (f *fakeHost) Begin(j Job)                        { f.jobs = append(f.jobs, j) }
func (f *fakeHost) Decrypt(cms []byte) ([]byte, error) { return cms, nil }
func (f *fakeHost) Save() func() {
	was := *f
	return func() { *f = was }
}

var desktop = Options{Platform: Platform{Build: 22631}}

func newTree(t testing.TB, h *fakeHost, opts Options) *Tree {
	t.Helper()
	s, err := NewSchema(opts, All())
	if err != nil {
		t.Fatal(err)
	}
	h.facts = map[string]string{"DevId": "D1", "MaxSyncVersion": "5.0", "DeviceName": "PC-1"}
	tree := NewTree(s, h)
	tree.Provision("./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/EntDMID", "ent")
	return tree
}

const provider = "./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server"

func TestOperations(t *testing.T) {
	steps := []struct {
		name   string
		verb   syncml.Verb
		uri    string
		v      Value
		code   int
		data   string
		format string
	}{
		{"read a leaf", syncml.Get, "./DevInfo/DevId", Value{}, 200, "D1", "chr"},
		{"no such node", syncml.Get, "./DevInfo/Nope", Value{}, 404, "", ""},
		{"no such provider", syncml.Get, "./Vendor/MSFT/DMClient/Provider/Other/EntDMID", Value{}, 404, "", ""},
		{"leading slash", syncml.Get, "/DevInfo/DevId", Value{}, 400, "", ""},
		{"wildcard", syncml.Get, "./DevInfo/*", Value{}, 400, "", ""},
		{"empty name", syncml.Get, "./DevInfo//DevId", Value{}, 400, "", ""},
		{"bad escape", syncml.Get, "./DevInfo/%zz", Value{}, 400, "", ""},
		{"write read-only", syncml.Replace, "./DevInfo/Man", Value{Data: "x"}, 405, "", ""},
		{"exec what is no command", syncml.Exec, "./DevInfo/Man", Value{}, 405, "", ""},
		{"delete what is permanent", syncml.Delete, "./DevInfo/Man", Value{}, 405, "", ""},
		{"unsupported verb", syncml.Copy, "./DevInfo/Man", Value{}, 406, "", ""},
		{"unsupported query", syncml.Get, "./DevInfo?list=TNDS", Value{}, 406, "", ""},
		{"a query that is no Get", syncml.Replace, "./DevInfo?list=Struct", Value{}, 406, "", ""},
		{"a property", syncml.Get, "./DevInfo/DevId?prop=Format", Value{}, 200, "chr", "chr"},
		{"a version", syncml.Get, "./Vendor/MSFT/DMClient?prop=Type", Value{}, 200, "com.microsoft/1.6/MDM/DMClient", "chr"},
		{"user scope in a device session", syncml.Replace, "./User/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/EntDMID", Value{Data: "x"}, 405, "", ""},
		{"interior", syncml.Get, "./DevInfo", Value{}, 200, "DevId/DmV/Lang/Man/Mod", "node"},
		{"dynamic children are encoded", syncml.Get, "./Vendor/MSFT/DMClient/Provider", Value{}, 200, "MS%20DM%20Server", "node"},
		{"case and Device prefix", syncml.Get, "./device/vendor/msft/dmclient/provider/ms%20dm%20server/entdmid", Value{}, 200, "ent", "chr"},
		{"no Push yet", syncml.Get, provider + "/Push", Value{}, 404, "", ""},
		{"no Push: no channel", syncml.Get, provider + "/Push/ChannelURI", Value{}, 404, "", ""},
		{"add Push", syncml.Add, provider + "/Push", Value{Format: "node"}, 200, "", ""},
		{"add Push again", syncml.Add, provider + "/Push", Value{Format: "node"}, 418, "", ""},
		{"Push cannot be replaced", syncml.Replace, provider + "/Push", Value{Format: "node"}, 405, "", ""},
		{"no channel while no PFN", syncml.Get, provider + "/Push/ChannelURI", Value{}, 200, "", "chr"},
		{"status 4 while no channel", syncml.Get, provider + "/Push/Status", Value{}, 200, "4", "int"},
		{"PFN of the wrong format", syncml.Add, provider + "/Push/PFN", Value{Format: "int", Data: "a_b"}, 415, "", ""},
		{"add PFN", syncml.Add, provider + "/Push/PFN", Value{Format: "chr", Data: "a_b"}, 200, "", ""},
		{"add PFN again", syncml.Add, provider + "/Push/PFN", Value{Format: "chr", Data: "a_b"}, 418, "", ""},
		{"replace PFN", syncml.Replace, provider + "/Push/PFN", Value{Format: "chr", Data: "c_d"}, 200, "", ""},
		{"read PFN", syncml.Get, provider + "/Push/PFN", Value{}, 200, "c_d", "chr"},
		{"channel", syncml.Get, provider + "/Push/ChannelURI", Value{}, 200, "https://db5p.notify.windows.com/?token=x", "chr"},
		{"ChannelURI is the device's", syncml.Replace, provider + "/Push/ChannelURI", Value{Data: "x"}, 405, "", ""},
		{"a number is a number", syncml.Replace, provider + "/Poll/NumberOfFirstRetries", Value{Format: "int", Data: "ten"}, 415, "", ""},
		{"upsert", syncml.Replace, provider + "/Poll/NumberOfFirstRetries", Value{Format: "int", Data: "10"}, 200, "", ""},
		{"delete Push", syncml.Delete, provider + "/Push", Value{}, 200, "", ""},
		{"delete Push again", syncml.Delete, provider + "/Push", Value{}, 404, "", ""},
		{"PFN went with Push", syncml.Get, provider + "/Push/PFN", Value{}, 404, "", ""},
		{"implicit Add of Push", syncml.Add, provider + "/Push/PFN", Value{Data: "a_b"}, 200, "", ""},
		{"Push came with it", syncml.Get, provider + "/Push", Value{}, 200, "ChannelURI/PFN/Status", "node"},
		{"wipe", syncml.Exec, "./Vendor/MSFT/RemoteWipe/doWipe", Value{}, 200, "", ""},
		{"phones only", syncml.Get, "./Vendor/MSFT/PolicyManager/My", Value{}, 404, "", ""},
		{"Exec only", syncml.Get, "./Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/UpdateScan", Value{}, 405, "", ""},
		{"below the range", syncml.Replace, "./Vendor/MSFT/RemoteFind/Timeout", Value{Format: "int", Data: "-1"}, 500, "", ""},
		{"not a value that is allowed", syncml.Replace, provider + "/ForceAadToken", Value{Format: "int", Data: "7"}, 500, "", ""},
		{"an upsert is no Add", syncml.Get, provider + "/ForceAadToken", Value{}, 404, "", ""},
		{"user-scope node without a user", syncml.Get, "./User/Vendor/MSFT/Policy/Config", Value{}, 405, "", ""},
		{"bad version", syncml.Replace, provider + "/SyncApplicationVersion", Value{Data: "9.0"}, 500, "", ""},
	}
	p := &fakeHost{code: 200}
	tree := newTree(t, p, desktop)
	for _, s := range steps {
		got := tree.Do(context.Background(), s.verb, s.uri, s.v)
		if got.Code != s.code || got.Data != s.data || got.Format != s.format {
			t.Errorf("%s: %s %s = %+v, want %d %q %q", s.name, s.verb, s.uri, got, s.code, s.data, s.format)
		}
	}
	if p.removed != "MS DM Server" {
		t.Errorf("removing Push must tell the push client the decoded provider, got %q", p.removed)
	}
}

func TestRefusedWriteIsNotStored(t *testing.T) {
	tree := newTree(t, &fakeHost{code: 500}, desktop)
	ctx := context.Background()
	tree.Do(ctx, syncml.Add, provider+"/Push", Value{Format: "node"})
	if got := tree.Do(ctx, syncml.Add, provider+"/Push/PFN", Value{Data: "a_b"}); got.Code != 500 {
		t.Fatalf("got %d", got.Code)
	}
	if tree.Has(provider + "/Push/PFN") {
		t.Error("the PFN is there although the device refused it")
	}
}

func TestRollbackRestoresTreeAndProvider(t *testing.T) {
	p := &fakeHost{code: 200}
	tree := newTree(t, p, desktop)
	ctx := context.Background()
	rollback := tree.Begin()
	tree.Do(ctx, syncml.Add, provider+"/Push", Value{Format: "node"})
	tree.Do(ctx, syncml.Add, provider+"/Push/PFN", Value{Data: "a_b"})
	rollback()
	if tree.Has(provider+"/Push") || p.pfn != "" {
		t.Errorf("after the roll-back Push is there: %v, PFN registered: %q", tree.Has(provider+"/Push"), p.pfn)
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"./DevInfo/DevId", "./User/Vendor/MSFT/X", "/x", "./a%2Fb", "./%", "././.", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil || len(p.Names) == 0 {
			return
		}
		tree := newTree(t, &fakeHost{code: 200, user: true}, desktop)
		for _, v := range []syncml.Verb{syncml.Get, syncml.Add, syncml.Replace, syncml.Delete, syncml.Exec} {
			if a := tree.Do(context.Background(), v, s, Value{Data: "1"}); a.Code < 200 || a.Code > 599 {
				t.Fatalf("%s %q answered %d", v, s, a.Code)
			}
		}
	})
}
