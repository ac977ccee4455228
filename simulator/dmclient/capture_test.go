package dmclient

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// capture reads what a real device sent. The captures lie beside the checkout;
// where they do not, the test says that it did not run.
func capture(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "captures", name))
	if err != nil {
		t.Skipf("NOT RUN: the captures of a real device are not beside this checkout: %v", err)
	}
	return string(b)
}

// capturedProfile is the Windows 10 the captures come from.
func capturedProfile() Profile {
	p := Win10v22H2()
	p.RequestVersion, p.OSEdition = "4.0", "72"
	p.OSVersion, p.ApplicationVersion = "10.0.19043.2364", "10.0.19043.2364"
	return p
}

func capturedIdentity() Identity {
	return Identity{
		DeviceID: "1E08C6E95D8BB843B1278FF45BC60CC6", GUID: "BA405A5D-B1C7-4737-81C8-8F379A000000",
		HWDevID: "3B3ED6D0EA88CBFCF37D36F90F22FE61172348C0162FC3840D6703149870CE76", Name: "DESKTOP-28FGAI6",
		Manufacturer: "VMware, Inc.", Model: "VMware7,1", Locale: "en-US",
		MACs: []string{"00-0C-29-51-60-9D", "1A-77-20-52-41-53", "1A-77-20-52-41-53", "00-0C-29-51-60-A7", "18-14-20-52-41-53", "00-0C-29-51-60-93"},
	}
}

const (
	discoveryURL  = "https://EnterpriseEnrollment.mdmwindows.com/EnrollmentServer/Discovery.svc"
	policyURL     = "https://mdmwindows.com/EnrollmentServer/Policy.svc"
	enrollmentURL = "https://mdmwindows.com/EnrollmentServer/Enrollment.svc"
)

// landing is a server that plays the part the captured server played, and
// keeps what it was sent.
type landing struct {
	t       *testing.T
	addr    string // ADDR of the provisioning document
	auth    string // its APPAUTH
	cert    []byte
	replies []string // to session messages, in turn
	got     []*http.Request
	bodies  []string
}

func (l *landing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	l.got, l.bodies = append(l.got, r), append(l.bodies, string(b))
	var out []byte
	var err error
	e, _ := enroll.ReadEnvelope(b)
	switch {
	case r.Method == http.MethodGet:
		return
	case strings.HasSuffix(r.URL.Path, "Discovery.svc"):
		out, err = (&enroll.DiscoverResponse{AuthPolicy: "OnPremise", EnrollmentVersion: "4.0", PolicyURL: policyURL, EnrollmentURL: enrollmentURL}).Write(e.MessageID, "a")
	case strings.HasSuffix(r.URL.Path, "Policy.svc"):
		out, err = (&enroll.PolicyResponse{MinimalKeyLength: 2048}).Write(e.MessageID, "a")
	case strings.HasSuffix(r.URL.Path, "Enrollment.svc"):
		doc := `<wap-provisioningdoc version="1.1"><characteristic type="CertificateStore"><characteristic type="My"><characteristic type="User"><characteristic type="X">` +
			`<parm name="EncodedCertificate" value="` + base64.StdEncoding.EncodeToString(l.cert) + `"/></characteristic></characteristic></characteristic></characteristic>` +
			`<characteristic type="APPLICATION"><parm name="APPID" value="w7"/><parm name="PROVIDER-ID" value="DEMO MDM"/><parm name="ADDR" value="` + l.addr + `"/>` + l.auth + `</characteristic></wap-provisioningdoc>`
		out, err = (&enroll.TokenResponse{Provisioning: []byte(doc)}).Write(e.MessageID, "a")
	case len(l.replies) > 0:
		out, l.replies = []byte(l.replies[0]), l.replies[1:]
	}
	if err != nil {
		l.t.Error(err)
	}
	w.Write(out)
}

// land starts the server and a device that reaches it under every name.
func land(t *testing.T, addr string, p Profile, id Identity) (*landing, *Device) {
	t.Helper()
	l := &landing{t: t, addr: addr}
	srv := httptest.NewUnstartedServer(l)
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1)}
	if l.cert, err = x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key); err != nil {
		t.Fatal(err)
	}
	d, err := New(Config{Discovery: discoveryURL, Username: "demo@mdmwindows.com", Password: "demo", Profile: p, Identity: id,
		Key: func() (crypto.Signer, error) { return key, nil },
		TLS: &tls.Config{InsecureSkipVerify: true}, // the names are not this server's
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, srv.Listener.Addr().String())
		}})
	if err != nil {
		t.Fatal(err)
	}
	return l, d
}

// TestBodiesEqualCaptures: given the same identity, the device's bodies are the
// captured ones byte for byte; of the RST all but the CSR.
func TestBodiesEqualCaptures(t *testing.T) {
	const manage = "https://mdmwindows.com/ManagementServer/MDM.svc"
	l, d := land(t, manage, capturedProfile(), capturedIdentity())
	// The captured server ended its reply with two Replace commands, CmdID 5
	// and 6, that the device answered 202, and answered the next message with
	// an empty 200.
	l.replies = []string{`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>1E08C6E95D8BB843B1278FF45BC60CC6</LocURI></Target><Source><LocURI>x</LocURI></Source></SyncHdr><SyncBody>` +
		`<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>` +
		`<Replace><CmdID>5</CmdID><Item><Target><LocURI>./Device/Vendor/MSFT/Personalization/DesktopImageUrl</LocURI></Target><Data>https://x/1.jpg</Data></Item></Replace>` +
		`<Replace><CmdID>6</CmdID><Item><Target><LocURI>./Device/Vendor/MSFT/Personalization/LockScreenImageUrl</LocURI></Target><Data>https://x/2.jpg</Data></Item></Replace><Final/></SyncBody></SyncML>`, ""}
	ctx := context.Background()
	want := map[string]string{
		"Discovery.svc POST": capture(t, "win10-19043-01-discover.xml"),
		"Policy.svc POST":    capture(t, "win10-19043-02-getpolicies.xml"),
	}
	if err := d.Enroll(ctx, EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	s, err := d.Sync(ctx, SyncOptions{})
	if err != nil {
		t.Fatalf("%v (%s)", err, s.End)
	}
	var sessions []string
	for i, r := range l.got {
		name := filepath.Base(r.URL.Path) + " " + r.Method
		if w, ok := want[name]; ok && l.bodies[i] != w {
			t.Errorf("%s sent\n%s\nthe real device\n%s", name, l.bodies[i], w)
		}
		switch name {
		case "Discovery.svc GET":
			wantHeaders(t, r, map[string]string{"User-Agent": "ENROLLClient", "Cache-Control": "no-cache", "Pragma": "no-cache"})
		case "MDM.svc POST":
			sessions = append(sessions, l.bodies[i])
			if got := r.URL.RawQuery; got != "mode=Maintenance&Platform=WoA" {
				t.Errorf("query %q", got)
			}
			wantHeaders(t, r, map[string]string{
				"User-Agent": "MSFT OMA DM Client/1.2.0.1", "Content-Type": "application/vnd.syncml.dm+xml", "Accept-Charset": "UTF-8", "Client-Request-Id": "0",
				"Accept": "application/vnd.syncml.dm+xml, application/vnd.syncml.dm+wbxml, application/octet-stream",
			})
			if cv := r.Header.Get("MS-CV"); !regexp.MustCompile(`^[A-Za-z0-9+/]{16}(\.\d+){3}$`).MatchString(cv) {
				t.Errorf("MS-CV %q has not the form of a/tCeBgffEqA5408.0.0.0", cv)
			}
		case "Enrollment.svc POST":
			sameButCSR(t, l.bodies[i], capture(t, "win10-19043-03-rst.xml"))
			fallthrough
		default:
			wantHeaders(t, r, map[string]string{"User-Agent": "ENROLLClient", "Content-Type": "application/soap+xml; charset=utf-8"})
		}
	}
	for i, name := range []string{"win10-19043-04-package1.xml", "win10-19043-05-package3.xml"} {
		if len(sessions) <= i || sessions[i] != capture(t, name) {
			t.Errorf("session message %d is not %s:\n%v", i+1, name, sessions)
		}
	}
	if len(l.got) != 6 || len(sessions) != 2 {
		t.Errorf("%d requests, %d of them session messages; want 6 and 2", len(l.got), len(sessions))
	}
}

// TestUnenrollEqualsCapture is the same device, enrolled again, when its user
// disconnects it.
func TestUnenrollEqualsCapture(t *testing.T) {
	id := capturedIdentity()
	id.DeviceID = "B5B954E81FBCB94EB79BD08BE625F4EE"
	l, d := land(t, "https://windows.fleetdm.ngrok.io/ManagementServer/MDM.svc", capturedProfile(), id)
	if err := d.Enroll(context.Background(), EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sync(context.Background(), SyncOptions{SessionID: "2", Alerts: []syncml.Command{UnenrollAlert(d.Profile())}}); err != nil {
		t.Fatal(err)
	}
	if got, want := l.bodies[len(l.bodies)-1], capture(t, "win10-19043-06-unenroll.xml"); got != want {
		t.Errorf("sent\n%s\nthe real device\n%s", got, want)
	}
}

func wantHeaders(t *testing.T, r *http.Request, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if got := r.Header.Get(k); got != v {
			t.Errorf("%s %s: header %s is %q, want %q", r.Method, r.URL.Path, k, got, v)
		}
	}
}

var binaryToken = regexp.MustCompile(`(base64binary">)([^<]+)(<)`)

func sameButCSR(t *testing.T, got, want string) {
	t.Helper()
	csr := func(s string) []byte {
		m := binaryToken.FindStringSubmatch(s)
		if m == nil {
			t.Fatalf("no BinarySecurityToken in %s", s)
		}
		der, err := base64.StdEncoding.DecodeString(m[2])
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	if g, w := binaryToken.ReplaceAllString(got, "$1$3"), binaryToken.ReplaceAllString(want, "$1$3"); g != w {
		t.Errorf("RST without its CSR:\n%s\nthe real device\n%s", g, w)
	}
	if g, w := shape(t, csr(got)), shape(t, csr(want)); g != w {
		t.Errorf("structure of the CSR:\n%s\nthe real device\n%s", g, w)
	}
}

// shape describes DER: tags, lengths and the values of what is not key or
// signature.
func shape(t *testing.T, der []byte) string {
	t.Helper()
	var b strings.Builder
	var walk func(der []byte, depth int)
	walk = func(der []byte, depth int) {
		for len(der) > 0 {
			var v asn1.RawValue
			rest, err := asn1.Unmarshal(der, &v)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(strings.Repeat(" ", depth))
			b.WriteString(string(rune('0'+v.Class)) + " " + string(rune('A'+v.Tag)))
			if v.IsCompound {
				b.WriteString("\n")
				walk(v.Bytes, depth+1)
			} else if v.Tag == asn1.TagBitString {
				b.WriteString(" bits\n")
			} else {
				b.WriteString(" " + base64.StdEncoding.EncodeToString(v.Bytes) + "\n")
			}
			der = rest
		}
	}
	walk(der, 0)
	return b.String()
}
