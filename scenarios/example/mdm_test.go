package example

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// TestConformance runs rules of the suite as subtests:
//
//	go test -run 'TestConformance/PFN-01'
func TestConformance(t *testing.T) {
	scenarios.Test(t, scenarios.Config{File: startMDM(t), Areas: []string{"PFN"}, Only: []string{"PSH-01", "WNS-01"}})
}

// file is the configuration of the server that the Ginkgo suite starts.
var file string

// The specs of a Ginkgo suite: ginkgo --label-filter='area:PFN && level:MUST'.
var _ = scenarios.Specs(scenarios.Config{
	Load: func() (*target.Config, error) { return target.Load(file) },
	Only: []string{"ENR-01", "SES-01", "PFN-01", "PFN-12"},
})

var _ = ginkgo.BeforeSuite(func() { file = startMDM(ginkgo.GinkgoTB()) })

// TestGinkgo is the entry of the Ginkgo suite.
func TestGinkgo(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "my MDM")
}

// startMDM starts the server under test and writes the dmwake.yaml that
// describes it. The server must trust the lab's CA and find the fake WNS; here
// it has settings for both.
func startMDM(t testing.TB) (file string) {
	t.Helper()
	dir := t.TempDir()
	ca, err := intercept.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	wns := freeAddress(t)

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "https://" + ln.Addr().String()
	app := fakewns.DefaultApp
	mdm, err := mdmserver.New(mdmserver.Config{
		BaseURL: url, Username: "demo@mdm.example", Password: "demo",
		PFN: app.PFN, PackageSID: app.PackageSID, Secret: app.Secret,
		TokenURL: "https://" + wns + fakewns.TokenPath, ChannelHosts: []string{wns},
		HTTP: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	front := &http.Server{Handler: mdm, ReadHeaderTimeout: 10 * time.Second}
	go front.Serve(tls.NewListener(ln, mdm.TLS(ca.ServerTLS(true))))
	t.Cleanup(func() { front.Close() })
	admin := httptest.NewServer(mdm.Admin(""))
	t.Cleanup(admin.Close)

	file = filepath.Join(dir, "dmwake.yaml")
	text := fmt.Sprintf(`target:
  name: my MDM
  discovery: %[1]s%[2]s
  ca: ca.pem
  username: demo@mdm.example
  password: {file: password}
  hooks:
    queue: {http: {url: '%[3]s/devices/{{.DeviceID}}/commands', body: '{"verb":{{json .Verb}},"locURI":{{json .LocURI}},"format":{{json .Format}},"data":{{json .Data}}}'}}
    push: {http: {url: '%[3]s/devices/{{.DeviceID}}/push'}}
wns:
  mode: direct
  listen: %[4]s
  ca_dir: .
timeouts: {quiet: 700ms}
`, url, mdmserver.DiscoveryPath, admin.URL, wns)
	for name, body := range map[string]string{"dmwake.yaml": text, "password": "demo"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// freeAddress is a loopback address at which nothing listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
