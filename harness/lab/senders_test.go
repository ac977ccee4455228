package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// npmPackages are senders and what senders are made of, at the versions that
// were tried.
var npmPackages = []string{"wns@0.5.4", "https-proxy-agent@7.0.6", "undici@6.21.0"}

// sender is software nobody here wrote, driven as its documentation says. It
// is told of the lab by its environment alone.
type sender struct {
	name    string
	needs   []string // programs, or a command that says whether it is there
	argv    []string
	noProxy bool // it does not know proxies
}

func senders(dir string) []sender {
	script := func(name string) string { return filepath.Join(dir, "senders", name) }
	return []sender{
		{"npm wns", []string{"node"}, []string{"node", script("wns.js")}, true},
		{"npm https-proxy-agent", []string{"node"}, []string{"node", script("https-proxy-agent.js")}, false},
		{"fetch, npm undici", []string{"node"}, []string{"node", script("fetch.js")}, false},
		{"curl", []string{"curl"}, []string{"sh", script("curl.sh")}, false},
		{"Python requests", []string{"python3 -c import_requests"}, []string{"python3", script("requests_.py")}, false},
		{"Python urllib", []string{"python3"}, []string{"python3", script("urllib_.py")}, false},
		{"Java", []string{"java", "javac"}, []string{"java", script("Send.java")}, false},
	}
}

// missing tells what a sender needs that is not on this machine.
func (s *sender) missing() string {
	for _, need := range s.needs {
		words := strings.Fields(need)
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "import_", "import ")
		}
		if len(words) == 1 {
			if _, err := exec.LookPath(need); err != nil {
				return need
			}
		} else if exec.Command(words[0], words[1:]...).Run() != nil {
			return need
		}
	}
	return ""
}

// workshop is a folder with the senders and their npm packages.
func workshop(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob("testdata/senders/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no senders: %v", err)
	}
	if err := os.CopyFS(filepath.Join(dir, "senders"), os.DirFS("testdata/senders")); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Log("NOT RUN: npm is not on this machine; its senders will fail to be there")
		return dir
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", append([]string{"install", "--no-audit", "--no-fund", "--prefix", dir}, npmPackages...)...)
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("NOT RUN: npm cannot install %v here: %v\n%s", npmPackages, err, out)
	}
	return dir
}

// TestUnmodifiedSenders: senders that nobody changed find the fake WNS under
// its real names, by proxy and by hosts, and the device they push to opens a
// session.
func TestUnmodifiedSenders(t *testing.T) {
	dir := workshop(t)
	for _, mode := range []string{"proxy", "hosts"} {
		l := modeLab(t, mode)
		if l == nil {
			continue
		}
		trust, err := l.CA.WriteTrust()
		if err != nil {
			t.Fatal(err)
		}
		d := l.wakeable(t)
		hosts := filepath.Join(dir, "hosts")
		if err := os.WriteFile(hosts, []byte(HostLines(&l.Config)), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, s := range senders(dir) {
			if mode == "proxy" && s.noProxy {
				continue
			}
			if mode == "hosts" && !s.noProxy && testing.Short() {
				continue // it was seen to send, by proxy
			}
			t.Run(mode+"/"+s.name, func(t *testing.T) {
				if what := s.missing(); what != "" {
					t.Skipf("NOT RUN: %s is not on this machine", what)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				mark, journal := d.SessionCount(), l.WNS.Journal().Mark()
				send := func(env []string) ([]byte, *strings.Builder, error) {
					cmd := exec.CommandContext(ctx, s.argv[0], s.argv[1:]...)
					if mode == "hosts" {
						cmd = intercept.InHosts(ctx, hosts, s.argv...)
					}
					cmd.Dir = dir
					cmd.Env = append(os.Environ(), "CHANNEL="+d.ChannelURI(), "SID="+fakewns.DefaultApp.PackageSID, "SECRET="+fakewns.DefaultApp.Secret,
						"TOKEN_URL="+TokenURL(&l.Config), "TMP="+t.TempDir(), "NODE_PATH="+filepath.Join(dir, "node_modules"))
					cmd.Env = append(cmd.Env, env...)
					var stderr strings.Builder
					cmd.Stderr = &stderr
					out, err := cmd.Output()
					return out, &stderr, err
				}
				proxy := ""
				if mode == "proxy" {
					proxy = l.Config.WNS.Proxy
				}
				env := trust.Env(proxy)
				unreached(t, l, func() { send(untrusting(env)) })
				out, stderr, err := send(env)
				if err != nil || strings.TrimSpace(string(out)) != "200 received" {
					for _, e := range l.WNS.Journal().Since(journal, nil) {
						t.Log(e)
					}
					t.Fatalf("the sender: %v\n%s%s", err, out, stderr)
				}
				session, err := d.AwaitSession(ctx, mark, time.Minute, func(s *dmclient.Session) bool { return s.Origin == dmclient.OriginPush })
				if err != nil {
					t.Fatal(err)
				}
				list := l.WNS.Journal().Since(journal, func(e *fakewns.Entry) bool { return e.Status == 200 && e.Kind == fakewns.Notification })
				if len(list) != 1 || list[0].Session != session.ID || len(list[0].Violated(fakewns.RuleURI)) > 0 {
					t.Errorf("the journal: %v, want session %s", list, session.ID)
				}
			})
		}
	}
}

// untrusting is the environment without what makes a sender trust the lab's CA.
func untrusting(env []string) (out []string) {
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case name == "JAVA_TOOL_OPTIONS": // it names the proxy, too
			words := slices.DeleteFunc(strings.Fields(value), func(w string) bool { return strings.Contains(w, "trustStore") })
			out = append(out, name+"="+strings.Join(words, " "))
		case !strings.Contains(name, "CA_") && name != "SSL_CERT_FILE":
			out = append(out, v)
		}
	}
	return out
}

// unreached: a sender that does not trust the CA is journaled, and told so.
func unreached(t *testing.T, l *Lab, send func()) {
	t.Helper()
	mark := l.WNS.Journal().Mark()
	send()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := l.WNS.Journal().Await(ctx, mark, 1, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Attempt }); err != nil {
		t.Error("a sender without the lab's CA left no trace")
	}
	if saw, do := l.Unreached(l.WNS.Journal().Since(mark, nil)); !strings.Contains(do, "trust the lab's CA: SSL_CERT_FILE") {
		t.Errorf("a sender without the lab's CA is told %s: %s", saw, do)
	} else {
		t.Log(saw)
	}
}

// modeLab is a lab whose fake WNS is reached in one of the two ways, and a
// reference server for the device to enroll with; nil where that is not to be
// had here.
func modeLab(t *testing.T, mode string) *Lab {
	t.Helper()
	// An address of its own, so that nothing else on the machine has port 443
	// there.
	wns := target.WNS{Mode: mode, Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: t.TempDir()}
	if mode == "hosts" {
		if err := intercept.Supported(t.Context()); err != nil {
			t.Logf("NOT RUN: %v", err)
			return nil
		}
		wns.Listen = "127.44.3.1:443"
	}
	ca, err := intercept.LoadCA(wns.CADir)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := Listen("the reference server", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "https://" + ln.Addr().String()
	server, err := mdmserver.New(mdmserver.Config{BaseURL: base, Username: "u", Password: "p", PFN: fakewns.DefaultApp.PFN})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	cfg := &target.Config{Target: target.Target{Discovery: base + mdmserver.DiscoveryPath, Username: "u", Password: target.NewSecret("p"), CA: ca.CertFile}, WNS: wns}
	cfg.Defaults()
	l, err := Start(cfg, Options{Keys: testKeys, Seed: 3})
	if err != nil {
		ln.Close()
		t.Logf("NOT RUN: %v", err)
		return nil
	}
	t.Cleanup(l.Close)
	l.serve(tlsListener(ln, l.CA), server)
	return l
}

// wakeable is a device that is enrolled, has a channel and answers pushes.
func (l *Lab) wakeable(t *testing.T) *dmclient.Device {
	t.Helper()
	d, err := l.NewDevice(dmclient.Win11())
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := l.Enroll(ctx, d); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sync(ctx, dmclient.SyncOptions{}); err != nil {
		t.Fatal(err)
	}
	if d.ChannelURI() == "" {
		t.Fatal("no channel after the first session")
	}
	l.Go(d)
	return d
}
