package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// npmWNS is the sender, at the version that was tried.
const npmWNS = "wns@0.5.4"

// script uses the package as its documentation says. It gives no access token,
// so that the package fetches one after its first 401.
const script = `
require('wns').sendRaw(process.env.CHANNEL, 'wake up', {
  client_id: process.env.SID, client_secret: process.env.SECRET,
}, (err, result) => {
  if (err) { console.error(err.message, err.innerError || ''); process.exit(1); }
  console.log(result.statusCode, result.newAccessToken ? 'with a new token' : 'without a token');
});`

// TestUnmodifiedSender: the npm package wns, unmodified, sends a raw
// notification through the fake WNS, under its real names on port 443, and the
// simulated device opens a session.
func TestUnmodifiedSender(t *testing.T) {
	for _, tool := range []string{"npm", "node", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT RUN: %s is not on this machine", tool)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := intercept.Supported(ctx); err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	dir := t.TempDir()
	npm := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--prefix", dir, npmWNS)
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("NOT RUN: npm cannot install %s here: %v\n%s", npmWNS, err, out)
	}

	// An address of its own, so that nothing else on the machine has port 443
	// there.
	const ip = "127.44.3.1"
	l := hostsLab(t, filepath.Join(dir, "ca"), ip)
	d := l.wakeable(t)
	hosts := filepath.Join(dir, "hosts")
	if err := os.WriteFile(hosts, []byte(intercept.HostLines(ip, fakewns.ChannelHosts...)), 0o600); err != nil {
		t.Fatal(err)
	}
	mark := d.SessionCount()
	cmd := intercept.InHosts(ctx, hosts, "node", "-e", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+l.CA.CertFile, "CHANNEL="+d.ChannelURI(),
		"SID="+fakewns.DefaultApp.PackageSID, "SECRET="+fakewns.DefaultApp.Secret, "NODE_PATH="+filepath.Join(dir, "node_modules"))
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "200 with a new token\n" {
		for _, e := range l.WNS.Journal().Since(0, nil) {
			t.Log(e)
		}
		t.Fatalf("the sender: %v\n%s", err, out)
	}
	if _, err := d.AwaitSession(ctx, mark, time.Minute, func(s *dmclient.Session) bool { return s.Origin == dmclient.OriginPush }); err != nil {
		t.Fatal(err)
	}
}

// hostsLab is a lab whose fake WNS is reached by names, and a reference server
// for the device to enroll with.
func hostsLab(t *testing.T, caDir, ip string) *Lab {
	t.Helper()
	ca, err := intercept.LoadCA(caDir)
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
	cfg := &target.Config{Target: target.Target{Discovery: base + mdmserver.DiscoveryPath, Username: "u", Password: target.NewSecret("p"), CA: ca.CertFile},
		WNS: target.WNS{Mode: "hosts", Listen: ip + ":443", CADir: caDir}}
	cfg.Defaults()
	l, err := Start(cfg, Options{Seed: 3})
	if err != nil {
		t.Skipf("NOT RUN: %v", err)
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
