package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// injection is what nobody but dmwake may write to a terminal or a log: sequences that
// a terminal obeys, marks of direction, commands to a CI system at the start of a line.
const injection = "inj\n::error title=x::inj\n \u00a0::add-mask::inj\r##vso[task.complete]inj ##[error]inj ##teamcity[x]\x1b[2J\x1b]0;inj\x07\u009b31m\u0085\u202einj\u2066\u200f\u2028\u061c\U000e0041"

// inXML is the part of it that an XML document may have.
const inXML = "inj&#10;::error title=x::inj&#10; &#xA0;::add-mask::inj&#13;##vso[task.complete]inj ##[error]inj&#x9B;31m&#x85;&#x202E;inj&#x2066;&#x200F;&#x2028;&#x61C;"

// secret stands for every secret; no output may have it.
const secret = "Zq7secretZq7"

var ciMark = regexp.MustCompile(`(?m)^\s*::|##(?:vso|teamcity)?\[`)

// checkText looks for what is raw in an output.
func checkText(t *testing.T, what, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s is not UTF-8", what)
	}
	for i, r := range out {
		if !unicode.IsGraphic(r) && r != '\n' && r != '\t' {
			t.Errorf("%s has %U: %q", what, r, out[max(0, i-60):min(len(out), i+40)])
			break
		}
	}
	for _, m := range ciMark.FindAllStringIndex(out, -1) {
		t.Errorf("%s has a command: %q", what, out[max(0, m[0]-40):min(len(out), m[1]+40)])
	}
	if i := strings.Index(out, secret); i >= 0 {
		t.Errorf("%s has a secret: %q", what, out[max(0, i-120):i+len(secret)])
	}
}

// program runs dmwake in a folder and checks what it prints.
func program(t *testing.T, dir string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DMWAKE_PASSWORD="+secret, "DMWAKE_WNS_SECRET="+secret)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("goroutine ")) {
		t.Errorf("%v panics: %s", args, out)
	}
	checkText(t, "dmwake "+strings.Join(args, " "), annotation.ReplaceAllString(string(out), ""))
	return string(out)
}

// annotation is a command to a CI system that is dmwake's own: it names a scenario.
var annotation = regexp.MustCompile(`(?m)^::(?:error|warning) title=(?:[A-Z]{3}-\d+ |dmwake itself ).*\n`)

// poison sets every text in a value that keep does not want as it is.
func poison(v reflect.Value, text string, keep func(name string) bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), text, keep)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !keep(f.Name) {
				poison(v.Field(i), text, keep)
			}
		}
	case reflect.Slice:
		if v.Len() == 0 && v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			poison(v.Index(i), text, keep)
		}
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String {
			m := reflect.MakeMap(v.Type())
			value := reflect.New(v.Type().Elem()).Elem()
			poison(value, text, keep)
			if value.CanInt() {
				value.SetInt(1)
			}
			m.SetMapIndex(reflect.ValueOf(text).Convert(v.Type().Key()), value)
			v.Set(m)
		}
	case reflect.String:
		v.SetString(text)
	}
}

func writeFile(t *testing.T, path string, content any) {
	t.Helper()
	raw, ok := content.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTextOfFiles: files of others, with the injection in every text, in every command
// that prints them.
func TestTextOfFiles(t *testing.T) {
	dir := t.TempDir()
	outcomes := []report.Outcome{report.Failed, report.Warned, report.Blocked, report.Skipped, report.NotApplicable, report.Errored}
	for n, name := range []string{"before.json", "now.json"} {
		r := &report.Report{Dmwake: "0", Started: time.Now()}
		for i := range outcomes {
			s := report.Result{Steps: []report.Step{{}}, Exchanges: []report.Exchange{{}}}
			poison(reflect.ValueOf(&s), injection, func(string) bool { return false })
			for _, f := range []*string{&s.Reason, &s.Expected, &s.Saw, &s.Cause, &s.Evidence[0], &s.Hooks[0], &s.Steps[0].Text, &s.Exchanges[0].URL, &s.Exchanges[0].Request, &s.Exchanges[0].Response, &s.Exchanges[0].Error} {
				*f += " password=" + secret
			}
			s.Outcome, s.Level, s.ID = outcomes[(i+n)%len(outcomes)], report.Must, fmt.Sprint(i, injection)
			s.Steps[0].From, s.Steps[0].To = report.Device, report.Server
			r.Scenarios = append(r.Scenarios, s)
		}
		poison(reflect.ValueOf(&r.Target), injection, func(string) bool { return false })
		r.Again, r.Aborted, r.Notes, r.HookErrors = injection, injection, []string{injection}, []string{injection}
		r.Finish()
		writeFile(t, filepath.Join(dir, name), r)
	}
	if out := program(t, dir, "report", "diff", "before.json", "now.json"); !strings.Contains(out, `inj\n::error`) {
		t.Errorf("the titles are not shown: %s", out)
	}
	program(t, dir, "report", "merge", "before.json", "now.json", "--json", "-")
	program(t, dir, "report", "merge", "before.json", "now.json", "--json", "m.json", "--junit", "m.xml", "--html", "m.html")
	for _, name := range []string{"m.json", "m.xml", "m.html"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Contains(raw, []byte("inj")) {
			t.Fatalf("%s: %v, %d bytes", name, err, len(raw))
		}
		checkText(t, name, string(raw))
	}

	for _, name := range []string{"a.json", "b.json"} {
		r := &result.Result{Dmwake: "0", Kind: result.Kind, Started: time.Now(), Ended: time.Now(), Seconds: 1}
		poison(reflect.ValueOf(r), injection, func(n string) bool {
			return n == "Kind" || n == "Stages" || n == "Course" || n == "Started" || n == "Ended" || n == "Part"
		})
		writeFile(t, filepath.Join(dir, name), r)
	}
	program(t, dir, "load", "compare", "a.json", "b.json")
	program(t, dir, "load", "merge", "a.json", "b.json", "--json", "-")

	log := "2026-01-02 ::error::x MDM ConfigurationManager: Command failure status. " + injection + "\n" +
		syncMLOf("https://mdm.example/", inXML) + "\n" + injection + " 0x80180006 originalerror=0x8600000e\n"
	writeFile(t, filepath.Join(dir, "log.txt"), []byte(log))
	for _, args := range [][]string{{"read", "log.txt"}, {"read", "-v", "log.txt"}, {"read", "--json", "log.txt"}, {"device", "compare", "log.txt"}, {"device", "compare", "--json", "log.txt"}, {"explain", "--file", "log.txt"}} {
		program(t, dir, args...)
	}
	writeFile(t, filepath.Join(dir, "c.yaml"), []byte(fmt.Sprintf("target:\n  discovery: https://127.0.0.1:1/\n  name: %q\n  unknown: %q\n", injection, injection)))
	program(t, dir, "test", "--config", "c.yaml")
	program(t, dir, "doctor", "--config", injection)
	program(t, dir, "push", "--channel", "http://x/?token="+secret+injection[:8])
}

// syncMLOf is a message of a device with a text in all its fields, and one of a server.
func syncMLOf(target, text string) string {
	const form = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>%[3]s</SessionID><MsgID>1</MsgID><Target><LocURI>%[1]s</LocURI></Target><Source><LocURI>%[2]s</LocURI></Source></SyncHdr>` +
		`<SyncBody><Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Cmd>Get</Cmd><Data>%[3]s</Data></Status><Replace><CmdID>3</CmdID><Item><Target><LocURI>./Vendor/%[3]s</LocURI></Target><Meta><Format xmlns="syncml:metinf">chr</Format></Meta><Data>%[3]s</Data></Item></Replace>` +
		`<Replace><CmdID>4</CmdID><Item><Target><LocURI>./User/Vendor/MSFT/EMAIL2/{A}/AUTHSECRET</LocURI></Target><Data>` + secret + `</Data></Item></Replace><Final/></SyncBody></SyncML>`
	return fmt.Sprintf(form, target, "A"+text, text) + "\n" + fmt.Sprintf(form, "A"+text, target, text)
}

// ready starts a dmwake that goes on, and waits for a line of its output. stop ends it
// and returns the output.
func ready(t *testing.T, dir, line string, args ...string) (stop func() string) {
	t.Helper()
	cmd := exec.Command(binary(t), args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "DMWAKE_PASSWORD="+secret)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	up, done := make(chan struct{}), make(chan string, 1)
	go func() {
		var b strings.Builder
		seen := false
		in := bufio.NewReader(r)
		for {
			l, err := in.ReadString('\n')
			b.WriteString(l)
			if !seen && strings.HasPrefix(l, line) {
				seen = true
				close(up)
			}
			if err != nil {
				break
			}
		}
		done <- b.String()
	}()
	go func() { cmd.Wait(); w.Close() }()
	stop = func() string {
		cmd.Process.Signal(os.Interrupt)
		out := <-done
		done <- out
		return out
	}
	t.Cleanup(func() { stop() })
	select {
	case <-up:
	case out := <-done:
		t.Fatalf("dmwake %v ended: %s", args, out)
	case <-time.After(time.Minute):
		t.Fatalf("dmwake %v did not get ready", args)
	}
	return stop
}

// TestTextOfServer: commands of a server with the injection in what they set, and with
// secrets in the nodes that hold some.
func TestTextOfServer(t *testing.T) {
	dir, listen, admin := t.TempDir(), testenv.Addr(t), testenv.Addr(t)
	ready(t, dir, "ready", "mdm", "--listen", listen, "--admin", admin, "--ca-dir", "ca")
	discovery := "https://" + listen + "/EnrollmentServer/Discovery.svc"
	program(t, dir, "device", "enroll", "--discovery", discovery, "--username", "demo@mdm.example", "--ca", "ca/ca.pem", "--key", "ec", "-v")
	var list []struct{ DeviceID string }
	if err := json.Unmarshal([]byte(program(t, dir, "device", "list", "--json")), &list); err != nil || len(list) != 1 {
		t.Fatal(err, list)
	}
	const pfx = "MIIKvgIBAzCCCngGCSqGSIb3DQEHAaCCCmkEggplMIIKYTCCBW0GCSqGSIb3DQEHAaCCBV4EggVaMIIFVjCCBVIGCyqGSIb3DQEMCgEC"
	queue := func(uri, data string) {
		raw, err := json.Marshal(map[string]string{"verb": "Replace", "locURI": uri, "format": "chr", "data": data})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post("http://"+admin+"/devices/"+list[0].DeviceID+"/commands", "application/json", bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s", uri, resp.Status)
		}
	}
	text := strings.Map(func(r rune) rune { // what XML can have
		if r < ' ' && r != '\n' && r != '\r' {
			return -1
		}
		return r
	}, injection)
	queue("./DevDetail/Ext/Microsoft/DeviceName", text)
	queue("./Vendor/MSFT/Policy/Config/Chaos/Value", text)
	queue("./Vendor/Chaos/"+text, text)
	secrets := []string{"./SyncML/DMAcc/a/AppAuth/b/AAuthSecret", "./User/Vendor/MSFT/EMAIL2/{A}/AUTHSECRET", "./User/Vendor/MSFT/EMAIL2/{A}/SMTPALTPASSWORD", "./Device/Vendor/MSFT/Accounts/Users/a/Password",
		"./User/Vendor/MSFT/ActiveSync/Accounts/{A}/Password", "./Vendor/MSFT/WindowsLicensing/UpgradeEditionWithProductKey", "./Vendor/MSFT/WiFi/Profile/n/WlanXml", "./Vendor/Contoso/EnrollSecret2",
		"./Vendor/MSFT/VPNv2/v/NativeProfile/L2tpPsk", "./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/c/PFXCertPassword"}
	for _, uri := range secrets {
		queue(uri, secret)
	}
	queue("./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/c/PFXCertBlob", pfx)
	queue("./Vendor/Chaos/Blob", pfx)
	show := [][]string{{"sync", "--accept-unknown", "-v"}, {"show", "1"}, {"show", "1", "--path", "./Vendor"}, {"show", "1", "--path", "./User"}, {"show", "1", "--path", "./SyncML"}, {"list"}, {"list", "--json"}}
	for _, args := range show {
		out := program(t, dir, append([]string{"device"}, args...)...)
		if strings.Contains(out, pfx) {
			t.Errorf("%v shows a PFX file", args)
		}
		if args[0] == "sync" {
			for _, want := range []string{"AUTHSECRET", "inj&#", "[redacted]"} {
				if !strings.Contains(out, want) {
					t.Errorf("%v does not show %s", args, want)
				}
			}
		}
	}
	cmd := exec.Command(binary(t), "device", "show", "1", "--path", "./Vendor/MSFT/VPNv2", "--reveal")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte(secret)) {
		t.Errorf("--reveal: %v, %s", err, out)
	}
}

// TestTextOfEnrollment: what a server that is none says, in every kind of answer.
func TestTextOfEnrollment(t *testing.T) {
	fault := `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>s:` + inXML + `</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en">` + inXML +
		` password=` + secret + `</s:Text></s:Reason><s:Detail><DeviceEnrollmentServiceError><ErrorType>` + inXML + `</ErrorType><Message>` + inXML + `</Message></DeviceEnrollmentServiceError></s:Detail></s:Fault></s:Body></s:Envelope>`
	problem, err := json.Marshal(map[string]string{"title": injection, "detail": injection + " token: " + secret})
	if err != nil {
		t.Fatal(err)
	}
	discover := func(url string) string {
		return `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><DiscoverResponse xmlns="http://schemas.microsoft.com/windows/management/2012/01/enrollment"><DiscoverResult><AuthPolicy>` + inXML + `</AuthPolicy><EnrollmentVersion>` + inXML +
			`</EnrollmentVersion><EnrollmentPolicyServiceUrl>` + url + `</EnrollmentPolicyServiceUrl><EnrollmentServiceUrl>` + url + `</EnrollmentServiceUrl></DiscoverResult></DiscoverResponse></s:Body></s:Envelope>`
	}
	answers := map[string]string{"fault": fault, "problem": string(problem), "page": "<html><title>" + injection + "</title></html>", "bytes": "\xff\xfe\x00" + injection, "text": injection, "discovery": discover("https://" + inXML), "policy": discover("")}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			srv := httptest.NewUnstartedServer(nil)
			srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/soap+xml; charset=utf-8; \u202e\u009b")
				w.Header().Set("Location", "https://x/\u009b\u202e?token="+secret)
				body := answer
				if name == "policy" {
					if body = fault; strings.HasSuffix(r.URL.Path, mdmserver.DiscoveryPath) {
						body = discover(srv.URL + "/p")
					}
				}
				if name != "discovery" && body != answers["policy"] && r.Method == http.MethodPost {
					w.WriteHeader(http.StatusInternalServerError)
				}
				io.WriteString(w, body)
			})
			srv.StartTLS()
			defer srv.Close()
			writeFile(t, filepath.Join(dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
			out := program(t, dir, "device", "enroll", "--discovery", srv.URL+mdmserver.DiscoveryPath, "--username", "demo@mdm.example", "--ca", "ca.pem", "--key", "ec")
			if strings.Contains(out, "certificate") && !strings.Contains(out, "inj") {
				t.Errorf("not reached: %s", out)
			}
			writeFile(t, filepath.Join(dir, "c.yaml"), []byte("target:\n  discovery: "+srv.URL+mdmserver.DiscoveryPath+"\n  ca: ca.pem\n  username: demo@mdm.example\n  password: {env: DMWAKE_PASSWORD}\n  push: none\nwns: {listen: auto, proxy: auto, ca_dir: ca}\n"))
			if name == "fault" || *full {
				program(t, dir, "doctor", "--config", "c.yaml")
				program(t, dir, "test", "--config", "c.yaml", "--only", "ENR-01,SES-01", "--json", "-", "--junit", "j.xml", "--html", "h.html")
				program(t, dir, "test", "--config", "c.yaml", "--only", "ENR-01", "--annotations")
				program(t, dir, "load", "--config", "c.yaml", "--devices", "2", "--rate", "1", "--duration", "1s")
				writeFile(t, filepath.Join(dir, "log.txt"), []byte(syncMLOf("https://mdm.example/", inXML)))
				program(t, dir, "replay", "log.txt", "--config", "c.yaml")
				for _, name := range []string{"j.xml", "h.html"} {
					if raw, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
						checkText(t, name, string(raw))
					}
				}
			}
		})
	}
}
