package compare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// captures is the folder of messages of real devices. It lies beside the checkout;
// where it does not, the test says that it did not run.
func captures(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "captures")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("NOT RUN: the captures of a real device are not beside this checkout: %v", err)
	}
	return dir
}

func run(t *testing.T, raw []byte, profile string) *Result {
	t.Helper()
	f, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Run(t.Context(), f, Options{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 {
		t.Fatalf("%d devices", len(list))
	}
	return list[0]
}

// TestCaptures: a single message of a real device is compared, too. What came before
// it is made up of what it tells.
func TestCaptures(t *testing.T) {
	dir := captures(t)
	want := map[string]struct {
		profile string
		skipped []string
		differs string // the only difference; empty: the bytes are equal
	}{
		// The profile is of 19045, which requests 5.0 since 2023.
		"win10-19043-01-discover.xml":    {"win10-22h2", nil, "Body/Discover/request/RequestVersion: 4.0, 5.0"},
		"win10-19043-02-getpolicies.xml": {"win11-25h2", nil, ""},
		"win10-19043-03-rst.xml":         {"win10-22h2", []string{skipKeys}, ""},
		"win10-19043-04-package1.xml":    {"win11-25h2", nil, ""},
		// Which nodes the two Replace commands name is not in the message.
		"win10-19043-05-package3.xml": {"win11-25h2", []string{skipGuessed}, ""},
		// Only Windows 10 does not mark the alert critical.
		"win10-19043-06-unenroll.xml": {"win10-22h2", nil, ""},
		// What the server asked for, and its MaxMsgSize, are not in the message.
		"win11-26200-large-result-abort.xml": {"win11-25h2", []string{skipAbort, skipDigests}, ""},
		"win11-26200-package1-digest.xml":    {"win11-25h2", []string{skipDigests}, ""},
		"win11-26200-package1-user.xml":      {"win11-25h2", nil, ""},
		"win11-26200-results-md5.xml":        {"win11-25h2", []string{skipDigests}, ""},
		"win11-26200-unenroll-1226.xml":      {"win11-25h2", nil, ""},
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil || len(files) != len(want) {
		t.Errorf("%d captures, want %d: %v", len(files), len(want), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			w, known := want[name]
			if !known {
				t.Fatal("no result is known of it")
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, raw, "")
			var skipped []string
			for _, s := range got.Skipped {
				skipped = append(skipped, s.Kind)
			}
			differs := ""
			for _, d := range got.Differences {
				differs += d.Path + ": " + d.Real + ", " + d.Simulated
			}
			equal := 1
			if w.differs != "" {
				equal = 0
			}
			if got.Profile != w.profile || strings.Join(skipped, ";") != strings.Join(w.skipped, ";") || differs != w.differs || got.Messages != 1 || got.Equal != equal || got.Bytes != equal {
				t.Errorf("%s", show(got))
			}
		})
	}
}

// TestLog: a log as a server prints it, indented and with headers, is compared as a
// whole: enrollment and session, whatever stands between the messages.
func TestLog(t *testing.T) {
	dir := captures(t)
	var log strings.Builder
	body := func(name string) {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(raw); err != nil {
			t.Fatal(err)
		}
		doc.IndentWithSettings(&etree.IndentSettings{Spaces: 2, PreserveLeafWhitespace: true})
		s, err := doc.WriteToString()
		if err != nil {
			t.Fatal(err)
		}
		log.WriteString("\n--- body of the request\n" + s + "\n")
	}
	const enrolls = "Content-Type: application/soap+xml; charset=utf-8\nUser-Agent: ENROLLClient\nX-Forwarded-For: 203.0.113.7\nAccept-Encoding: gzip\n"
	const manages = "POST /ManagementServer/MDM.svc?mode=Maintenance&Platform=WoA HTTP/2.0\nHost: mdmwindows.com\n" +
		"Accept: application/vnd.syncml.dm+xml, application/vnd.syncml.dm+wbxml, application/octet-stream\nAccept-Charset: UTF-8\nClient-Request-Id: 0\n" +
		"Content-Type: application/vnd.syncml.dm+xml\nMs-Cv: a/tCeBgffEqA5408.0.0.0\nUser-Agent: MSFT OMA DM Client/1.2.0.1\n"
	log.WriteString("starting\n   GET /EnrollmentServer/Discovery.svc HTTP/2.0\nUser-Agent: ENROLLClient\nCache-Control: no-cache\nPragma: no-cache\n\nHTTP/1.1 200 OK\n\n")
	for _, m := range [][2]string{{"Discovery", "01-discover"}, {"Policy", "02-getpolicies"}, {"Enrollment", "03-rst"}} {
		log.WriteString("POST /EnrollmentServer/" + m[0] + ".svc HTTP/2.0\n" + enrolls)
		body("win10-19043-" + m[1] + ".xml")
	}
	log.WriteString(manages)
	body("win10-19043-04-package1.xml")
	log.WriteString("HTTP/1.1 200 OK\nContent-Type: application/vnd.syncml.dm+xml\n\n" + `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID>
<MsgID>1</MsgID><Target><LocURI>1E08C6E95D8BB843B1278FF45BC60CC6</LocURI></Target><Source><LocURI>https://mdmwindows.com/ManagementServer/MDM.svc</LocURI></Source></SyncHdr><SyncBody>
<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>
<Replace><CmdID>5</CmdID><Item><Target><LocURI>./Vendor/MSFT/Personalization/DesktopImageUrl</LocURI></Target><Data>https://x/1.jpg</Data></Item></Replace>
<Replace><CmdID>6</CmdID><Item><Target><LocURI>./Vendor/MSFT/Personalization/LockScreenImageUrl</LocURI></Target><Data>https://x/2.jpg</Data></Item></Replace>
<Final/></SyncBody></SyncML>` + "\n")
	log.WriteString(manages)
	body("win10-19043-05-package3.xml")
	log.WriteString("HTTP/1.1 200 OK\nContent-Length: 0\n")

	got := run(t, []byte(log.String()), "")
	if got.Messages != 6 || got.Equal != 5 || got.ByteMessages != 0 || got.Profile != "win10-22h2" || got.Device != "1E08C6E95D8BB843B1278FF45BC60CC6" ||
		len(got.Differences) != 1 || got.Differences[0].Path != "Body/Discover/request/RequestVersion" {
		t.Errorf("%s", show(got))
	}
}
