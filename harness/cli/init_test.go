package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// folder is a new folder with a server's CA in it, ca.pem. discovery is where the
// server's devices begin.
func folder(t *testing.T, edit func(*mdmserver.Config)) (dir, discovery string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	cfg := mdmserver.Config{BaseURL: "https://" + srv.Listener.Addr().String(), Username: "demo@mdm.example", Password: rand.Text()}
	if edit != nil {
		edit(&cfg)
	}
	server, err := mdmserver.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // init tries without the CA
	srv.Config.Handler, srv.TLS = server, server.TLS(&tls.Config{MinVersion: tls.VersionTLS12})
	srv.StartTLS()
	t.Cleanup(func() { srv.Close(); server.Close() })
	dir = t.TempDir()
	pemText := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	for name, text := range map[string][]byte{"ca.pem": pemText, "not-a-ca.pem": []byte("hello")} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, srv.URL + mdmserver.DiscoveryPath
}

// asked runs init on a terminal with those answers, one a line.
func asked(t *testing.T, f *initFlags, answers ...string) (out string, err error) {
	t.Helper()
	if f.given == nil {
		f.given = map[string]bool{}
	}
	if f.v.Mode == "" {
		f.v.Mode = "proxy"
	}
	var b bytes.Buffer
	err = runInit(t.Context(), &streams{&b, &b}, f, strings.NewReader(strings.Join(answers, "\n")+"\n"))
	return b.String(), err
}

// loaded is the file that was written.
func loaded(t *testing.T, f *initFlags) *target.Config {
	t.Helper()
	t.Setenv("MDM_PASSWORD", "x")
	t.Setenv("WNS_SECRET", "y")
	c, err := target.Load(f.file)
	if err != nil {
		raw, _ := os.ReadFile(f.file)
		t.Fatalf("%v\n%s", err, raw)
	}
	return c
}

// inOrder checks that a text has all of these, in this order.
func inOrder(t *testing.T, text string, want ...string) {
	t.Helper()
	rest := text
	for _, w := range want {
		at := strings.Index(rest, w)
		if at < 0 {
			t.Fatalf("no %q after what came before, in\n%s", w, text)
		}
		rest = rest[at+len(w):]
	}
}

// TestInitAsks: a wrong answer is asked for again with the reason, and no other
// answer is lost; a doubtful one is kept if it is given again; the file that is written
// holds every answer.
func TestInitAsks(t *testing.T) {
	dir, discovery := folder(t, nil)
	api := strings.TrimSuffix(discovery, mdmserver.DiscoveryPath)
	queue := api + "/api/{{.ServerID}}/commands?a=b: c#{{.DeviceID | lower}}"
	push := api + "/it's/{{.DeviceID}}/push"
	f := initFlags{file: filepath.Join(dir, "dmwake.yaml")}
	out, err := asked(t, &f,
		"flet", "", // an unknown preset, then none
		"", "https://mdm.example/D.svc", "demo", "@mdm.example", "demo@", "demo@mdm.example", // the user is needed, and an e-mail address
		"http://127.0.0.1:9/D.svc", "https://127.0.0.1:9/D.svc", discovery, // not https; nobody there
		"not-a-ca.pem", "", "later.pem", "ca.pem", // no certificate; not the system's; not there yet
		"maybe", "y", // pushes
		api+"/{{.DevID}}", queue, // an unknown variable
		"mdm.example/push", push, // not a URL
		"https://127.0.0.1:9/", api+"/enrolled", // enrolled: nothing listens
		"",                                           // wipe
		api+"/unenroll/{{.DeviceID}}", "nowhere", "", // unenroll; active: not a URL
		"no-such-command mdm", "", // a command that is not here: kept
		"", api+"/{{.ServerID}}", api+"/find?cn={{urlquery .CertCN}}", // lookup: needed for ServerID, which it finds
		"carrier-pigeon", "", // proxy
		"My.App_1.0.0.0_x64__8wekyb3d8bbwe", "my.app_8wekyb3d8bbwe", // a full name
		"ms-app://s-1-15-2-1",
	)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inOrder(t, out,
		`unknown preset "flet"; did you mean fleet? --list-presets lists them: reference, fleet, entra, certificate`,
		"is missing: the user who enrolls devices",
		`"https://mdm.example/D.svc" is a URL, and the user is an e-mail address, user@domain; the discovery URL is another question (--discovery), which comes next`,
		`"demo" is not an e-mail address, user@domain`, `"@mdm.example" is not an e-mail address`, `"demo@" is not an e-mail address`,
		`"http://127.0.0.1:9/D.svc" is not an https URL`,
		"nothing listens at 127.0.0.1:9; Enter keeps it",
		"contains no PEM certificate",
		"is signed by an unknown authority: give the PEM file of that CA; Enter keeps it",
		"later.pem does not exist yet; Enter keeps it",
		"the server answers: AuthPolicy OnPremise; the newest Windows that it takes is win11-25h2",
		`"maybe" is neither yes nor no`,
		"unknown variable .DevID; did you mean .HWDevID?",
		`the URL "mdm.example/push" is not one of http or https with a host`,
		"nothing listens at 127.0.0.1:9", "wipes a device (Enter: the command is queued)",
		"there is no command no-such-command here; Enter keeps it",
		"another URL uses {{.ServerID}}", "which it is to find",
		"none of proxy, hosts, direct",
		"the family name is",
		"The newest Windows that the server takes is win11-25h2.", "Wrote ", "export MDM_PASSWORD=", "export WNS_SECRET=", "--print-env", "doctor",
	)
	if strings.Contains(out, "sign-in page") || strings.Contains(out, "gives a device anything") {
		t.Errorf("a question that does not apply:\n%s", out)
	}
	c := loaded(t, &f)
	h := &c.Target.Hooks
	if h.Queue.HTTP.URL != queue || h.Push.HTTP.URL != push || !strings.Contains(h.Lookup.HTTP.URL, "CertCN") || c.Target.Username != "demo@mdm.example" || h.Work != nil || h.Wipe != nil || h.Unenroll.HTTP.URL != api+"/unenroll/{{.DeviceID}}" || h.Active != nil ||
		c.Target.Discovery != discovery || c.WNS.App.PFN != "my.app_8wekyb3d8bbwe" || c.WNS.App.SID != "ms-app://s-1-15-2-1" || h.Enrolled.HTTP.URL != api+"/enrolled" ||
		strings.Join(h.Restart.Exec, " ") != "no-such-command mdm" || strings.Join(c.Target.Profiles, " ") != "win11-25h2" || c.Target.Password.Env != "MDM_PASSWORD" {
		raw, _ := os.ReadFile(f.file)
		t.Errorf("the file is\n%s", raw)
	}
	if _, err := asked(t, &initFlags{file: filepath.Join(t.TempDir(), "x")}, "", "demo@mdm.example"); err == nil || err.Error() != "no answer; nothing was written" {
		t.Errorf("%v", err)
	}
}

// TestInitShort: on a terminal Enter answers what need not be known, whatever flags were
// given; those are not asked again, unless they are wrong.
func TestInitShort(t *testing.T) {
	dir, discovery := folder(t, nil)
	f := initFlags{file: filepath.Join(dir, "dmwake.yaml"), given: map[string]bool{"username": true, "ca": true, "no-push": true, "profile": true, "discovery": true}}
	f.v.Username, f.v.CA, f.v.NoPush, f.v.Profile, f.v.Discovery = "demo@mdm.example", "ca.pem", true, "win10-22h2", "ftp://x"
	out, err := asked(t, &f, discovery, "", discovery+"?work={{.N}}", "", "", "", "", "")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inOrder(t, out, `--discovery "ftp://x" is not an https URL`, "Discovery URL", "queues any command", "anything to do", "after each enrollment", "wipes a device (Enter: later)", "restarts the server", "Wrote ")
	for _, never := range []string{"User who", "PEM file", "pushes to a device", "Package", "--print-env", "fake WNS:", "Which server", "own id", "is queued)"} {
		if strings.Contains(out, never) {
			t.Errorf("%q in\n%s", never, out)
		}
	}
	if c := loaded(t, &f); c.Target.Push != "none" || c.Target.Hooks.Queue != nil || c.Target.Hooks.Work.HTTP.Body != `{"revision":{{.N}}}` || c.Target.Profiles[0] != "win10-22h2" {
		t.Errorf("%+v", c.Target)
	}
}

// TestInitUser: without a terminal, too, the user is an e-mail address.
func TestInitUser(t *testing.T) {
	for user, want := range map[string]string{
		"https://mdm.example/D.svc": `--username "https://mdm.example/D.svc" is a URL`,
		"demo":                      `--username "demo" is not an e-mail address, user@domain`,
	} {
		f := initFlags{file: filepath.Join(t.TempDir(), "dmwake.yaml"), given: map[string]bool{"username": true}}
		f.v.Username, f.v.Discovery, f.v.Mode = user, "https://127.0.0.1:9/D.svc", "proxy"
		if err := runInit(t.Context(), &streams{io.Discard, io.Discard}, &f, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", user, err)
		}
	}
}

// TestInitLookup: a lookup is asked for where only the last URL needs it.
func TestInitLookup(t *testing.T) {
	dir, discovery := folder(t, nil)
	f := initFlags{file: filepath.Join(dir, "dmwake.yaml"), given: map[string]bool{"username": true, "discovery": true, "ca": true, "no-push": true}}
	f.v.Username, f.v.Discovery, f.v.CA, f.v.NoPush = "demo@mdm.example", discovery, "ca.pem", true
	out, err := asked(t, &f, "", "", "", discovery+"?wipe={{.ServerID}}", "", "", "", discovery+"?id={{.DeviceID}}")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inOrder(t, out, "wipes a device", "unenrolls a device", "all managed devices", "restarts the server", "own id", "Wrote ")
	if h := loaded(t, &f).Target.Hooks; h.Wipe == nil || h.Lookup == nil {
		t.Errorf("%+v", h)
	}
}

// TestInitPassword: where the server has a sign-in page, init asks whether that asks for
// a password; where a certificate enrolls devices, it asks for that.
func TestInitPassword(t *testing.T) {
	federated := func(c *mdmserver.Config) { c.AuthPolicy = mdmserver.Federated }
	skip := []string{"", "", "", "", "", "", "", ""}
	for name, c := range map[string]struct {
		server   func(*mdmserver.Config)
		answers  []string
		want     string // in the file
		password bool
	}{
		"a page without a password": {federated, []string{"no", "no"}, "push: none", false},
		"a page with one":           {federated, []string{"", "no"}, "password: {env: MDM_PASSWORD}\n", true},
		"no page":                   {nil, []string{"no"}, "password: {env: MDM_PASSWORD}\n", true},
		"a certificate":             {func(c *mdmserver.Config) { c.AuthPolicy, c.EnrollRoots = mdmserver.Certificate, x509.NewCertPool() }, []string{"nocert.pem", "key.pem", "cert.pem", "nokey.pem", "key.pem", "no"}, "certificate: {cert: 'cert.pem', key: 'key.pem'}", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir, discovery := folder(t, c.server)
			issuer, err := intercept.LoadCA(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			cert, err := issuer.ClientCert("provisioning package")
			if err != nil {
				t.Fatal(err)
			}
			keep(t, dir, cert)
			f := initFlags{file: filepath.Join(dir, "dmwake.yaml"), given: map[string]bool{"ca": true}}
			f.v.CA = "ca.pem"
			out, err := asked(t, &f, append(append([]string{"", "demo@mdm.example", discovery}, c.answers...), skip...)...)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			raw, _ := os.ReadFile(f.file)
			if text := string(raw); !strings.Contains(text, c.want) || strings.Contains(text, "MDM_PASSWORD") != c.password || strings.Contains(out, "MDM_PASSWORD") != c.password || strings.Contains(out, "--print-env") {
				t.Errorf("the file is\n%s\nafter\n%s", text, out)
			}
			loaded(t, &f)
		})
	}
}

// TestInitPreset: a preset asks only for what it does not know.
func TestInitPreset(t *testing.T) {
	dir, discovery := folder(t, nil)
	f := initFlags{file: filepath.Join(dir, "dmwake.yaml")}
	out, err := asked(t, &f, "fleet", "x", "https://127.0.0.1:9/", "", "")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inOrder(t, out, "Which server is it", "Address of the server", `"x" is not an https URL`, "nothing listens at 127.0.0.1:9; Enter keeps it", "PEM file of the CA", "Wrote ", "FLEET_ENROLL_SECRET")
	raw, _ := os.ReadFile(f.file)
	if text := string(raw); !strings.Contains(text, "discovery: 'https://127.0.0.1:9/api/mdm/microsoft/discovery'") || !strings.Contains(text, "url: 'https://127.0.0.1:9/api/fleet/orbit/enroll'") {
		t.Errorf("the file is\n%s", text)
	}
	f = initFlags{file: filepath.Join(dir, "entra.yaml"), preset: "entra", given: map[string]bool{"preset": true}}
	f.v.Directory = "127.0.0.1:0"
	out, err = asked(t, &f, "demo@mdm.example", discovery, "ca.pem", "", "contoso", "", "", "", "no", "", "", "", "", "", "", "", "")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inOrder(t, out, "the server answers AuthPolicy OnPremise, and the preset entra is for servers that answer Federated; Enter keeps it", `"contoso" is not a GUID`, "Wrote ")
	if c := loaded(t, &f); len(c.Target.Directory.Tenant) != 36 || c.Target.Directory.Audience != "https://127.0.0.1" || c.Target.Directory.Version != "" {
		t.Errorf("%+v", c.Target.Directory)
	}
}

// writes is a function that sees what is written.
type writes func([]byte)

func (w writes) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// TestInitInterrupted: Ctrl-C ends a question, and nothing is written.
func TestInitInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	silent, typed := io.Pipe() // nobody types
	defer typed.Close()
	f := initFlags{file: filepath.Join(t.TempDir(), "dmwake.yaml"), given: map[string]bool{}}
	asks := writes(func([]byte) { cancel() }) // with the first question
	err := runInit(ctx, &streams{asks, asks}, &f, silent)
	var exit *exitError
	if !errors.As(err, &exit) || exit.code != exitInterrupted {
		t.Error(err)
	}
	if _, err := os.Stat(f.file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
}

// TestInitProfile: a Windows that the server does not take is told.
func TestInitProfile(t *testing.T) {
	dir, discovery := folder(t, func(c *mdmserver.Config) {
		c.Tamper.Serve = append(c.Tamper.Serve, func(next http.Handler) http.Handler { return refuses("9.0", next) })
	})
	for profile, want := range map[string]string{
		"win11-25h2": "--profile: the server refuses RequestVersion 9.0 of win11-25h2; the newest Windows that it takes is win11-24h2",
		"win11-24h2": "Wrote ",
		"":           "The newest Windows that the server takes is win11-24h2.",
		"win12":      `--profile unknown profile "win12"`,
	} {
		f := initFlags{file: filepath.Join(dir, "p"+profile+".yaml"), given: map[string]bool{}}
		f.v.Username, f.v.Discovery, f.v.CA, f.v.Profile, f.v.Mode = "demo@mdm.example", discovery, "ca.pem", profile, "proxy"
		var out bytes.Buffer
		err := runInit(context.Background(), &streams{&out, &out}, &f, nil)
		if err != nil {
			out.WriteString(err.Error())
		}
		if !strings.Contains(out.String(), want) || (err != nil) != (profile == "win12") {
			t.Errorf("%s: %v\n%s", profile, err, out.String())
		}
	}
}

// TestInitPorts: a default port that is taken is replaced by a free one; one that was
// chosen stays.
func TestInitPorts(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	taken := held.Addr().String()
	f := initFlags{file: filepath.Join(t.TempDir(), "dmwake.yaml"), given: map[string]bool{}}
	if err := f.choose(newDialogue(t.Context(), &bytes.Buffer{}, nil)); err != nil {
		t.Fatal(err)
	}
	f.v.Mode, f.v.Listen, f.v.Proxy = "proxy", taken, taken
	notes := strings.Join(f.ports(), "\n")
	inOrder(t, notes, taken+" is in use by another program, so wns.listen is "+f.v.Listen, "so wns.proxy is "+f.v.Proxy)
	if f.v.Listen == taken || f.v.Proxy == taken || f.v.Listen == f.v.Proxy {
		t.Errorf("%s and %s", f.v.Listen, f.v.Proxy)
	}
	f.v.Listen, f.given["wns-listen"] = taken, true
	if notes := f.ports(); f.v.Listen != taken || len(notes) != 1 || !strings.Contains(notes[0], "choose another port or auto") {
		t.Errorf("%s: %q", f.v.Listen, notes)
	}
	f.v.NoPush, f.v.Listen, f.v.Proxy, f.given["wns-listen"] = true, taken, taken, false
	if notes := f.ports(); notes != nil || f.v.Listen != taken {
		t.Errorf("no push: %q", notes)
	}
	f.v.NoPush, f.given["wns-listen"] = false, true
	f.v.Listen, f.v.Proxy, f.given["proxy"] = "auto", "auto", true
	if notes := f.ports(); notes != nil {
		t.Errorf("auto: %q", notes)
	}
}
