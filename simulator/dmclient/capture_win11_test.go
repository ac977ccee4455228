package dmclient

import (
	"context"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

const (
	fixtureURL   = "https://mdm.example.test/ManagementServer/MDM.svc"
	fixtureName  = "fixture-client"
	fixtureNonce = "bm9uY2Ugb2YgdGhlIGRlbW8=" // of the challenge
)

// fixture is the device of the captures of build 26200, whose server
// authenticates it by digest. It is enrolled, and sends to the landing.
func fixture(t *testing.T) (*landing, *Device) {
	t.Helper()
	id := NewIdentity(rand.New(rand.NewPCG(1, 1)))
	id.DeviceID, id.Manufacturer, id.Model = "0123456789ABCDEF0123456789ABCDEF", "Example Manufacturer", "Conformance Device"
	l, d := land(t, fixtureURL, Win11v25H2(), id)
	l.auth = `<characteristic type="APPAUTH"><parm name="AAUTHLEVEL" value="APPSRV"/><parm name="AAUTHTYPE" value="DIGEST"/>` +
		`<parm name="AAUTHNAME" value="` + fixtureName + `"/><parm name="AAUTHSECRET" value="secret"/><parm name="AAUTHDATA" value="MA=="/></characteristic>`
	if err := d.Enroll(context.Background(), EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	return l, d
}

// fromServer is a message of the server with a Status for SyncHdr.
func fromServer(msgID, meta, status, commands string) string {
	return `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>` + msgID +
		`</MsgID><Target><LocURI>x</LocURI></Target><Source><LocURI>y</LocURI></Source>` + meta + `</SyncHdr><SyncBody>` +
		`<Status><CmdID>1</CmdID><MsgRef>` + msgID + `</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>` + status + `</Status>` + commands + `</SyncBody></SyncML>`
}

const (
	accepted200  = `<Data>200</Data>`
	digestPlease = `<Chal><Meta><Format xmlns="syncml:metinf">b64</Format><Type xmlns="syncml:metinf">syncml:auth-md5</Type>` +
		`<NextNonce xmlns="syncml:metinf">` + fixtureNonce + `</NextNonce></Meta></Chal><Data>407</Data>`
)

func get(cmdID, uri string) string {
	return `<Get><CmdID>` + cmdID + `</CmdID><Item><Target><LocURI>` + uri + `</LocURI></Target></Item></Get><Final/>`
}

var credData = regexp.MustCompile(`(<Cred>.*?<Data>)([^<]*)(</Data></Cred>)`)

// TestSessionsEqualCaptures: given the same identity, the messages of a session
// are the captured ones of build 26200 byte for byte. The captures hold no real
// digest: its place in ours is checked by itself, then filled as theirs is.
func TestSessionsEqualCaptures(t *testing.T) {
	challenge := fromServer("1", "", digestPlease, "<Final/>")
	const large = "./Vendor/MSFT/Policy/Config/Area/Large"
	for _, c := range []struct {
		name    string
		session SyncOptions
		replies []string
		want    map[int]string // by message, from 1
	}{
		{"challenge", SyncOptions{SessionID: "1"}, []string{challenge},
			map[int]string{1: "win11-26200-package1-user.xml", 2: "win11-26200-package1-digest.xml"}},
		{"a Get under digest", SyncOptions{SessionID: "3"}, []string{challenge, fromServer("2", "", accepted200, get("5", "./DevInfo/Man"))},
			map[int]string{3: "win11-26200-results-md5.xml"}},
		{"a result over MaxMsgSize", SyncOptions{SessionID: "4"}, []string{challenge, fromServer("2", "", accepted200, get("5", "./DevInfo/Man")),
			fromServer("3", `<Meta><MaxMsgSize xmlns="syncml:metinf">2000</MaxMsgSize></Meta>`, accepted200, get("5", large))},
			map[int]string{4: "win11-26200-large-result-abort.xml"}},
		{"the user disconnects", SyncOptions{SessionID: "9", Alerts: []syncml.Command{UnenrollAlert(Win11v25H2())}}, nil,
			map[int]string{1: "win11-26200-unenroll-1226.xml"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, d := fixture(t)
			d.Tree().Provision(large, strings.Repeat("x", 2000))
			l.replies = c.replies
			s, err := d.Sync(context.Background(), c.session)
			if err != nil {
				t.Fatalf("%v (%s)", err, s.End)
			}
			last := 0
			for n, name := range c.want {
				last = max(last, n)
				want := capture(t, name)
				if len(s.Exchanges) < n {
					t.Fatalf("only %d messages: %s", len(s.Exchanges), s.End)
				}
				got := string(s.Exchanges[n-1].Request)
				if m := credData.FindStringSubmatch(got); m != nil {
					if digest := digest(fixtureName, "secret", decodeNonce(fixtureNonce)); m[2] != digest {
						t.Errorf("message %d has the digest %s, want %s", n, m[2], digest)
					}
					got = credData.ReplaceAllString(got, "${1}AAAAAAAAAAAAAAAAAAAAAA==${3}")
				}
				if got != want {
					t.Errorf("message %d is\n%s\nof the real device\n%s", n, got, want)
				}
			}
			if len(s.Sent) != last {
				t.Errorf("%d messages, want %d: %s", len(s.Sent), last, s.End)
			}
		})
	}
}

// TestAbortByFault: a device that aborts in the middle of a session writes what
// build 26200 wrote when it aborted.
func TestAbortByFault(t *testing.T) {
	l, d := fixture(t)
	l.replies = []string{fromServer("1", "", accepted200, get("5", "./DevInfo/Man")), ""}
	d.AddFault(abortAt(2))
	s, _ := d.Sync(context.Background(), SyncOptions{})
	want := `<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status><Alert><CmdID>2</CmdID><Data>1223</Data></Alert><Final/>`
	if got := string(s.Exchanges[len(s.Exchanges)-1].Request); len(s.Sent) != 2 || !strings.Contains(got, "<SyncBody>"+want+"</SyncBody>") {
		t.Errorf("%d messages, the last one\n%s\nwant %s", len(s.Sent), got, want)
	}
}

type abortAt int

func (abortAt) Fault() string { return "aborts" }
func (n abortAt) Gate(_ context.Context, _ Clock, at int) error {
	if at >= int(n) {
		return ErrAbort
	}
	return nil
}

// TestResendAgain: each challenge has its own Status, and only the last one's is
// sent; CmdIDs stay unique if package 1 began with 1.
func TestResendAgain(t *testing.T) {
	l, d := fixture(t)
	l.replies = []string{fromServer("1", "", digestPlease, "<Final/>"), fromServer("2", "", strings.Replace(digestPlease, "407", "401", 1), "<Final/>")}
	s, err := d.Sync(context.Background(), SyncOptions{FirstCmdID: 1})
	if err != nil || len(s.Sent) != 3 {
		t.Fatalf("%d messages: %v", len(s.Sent), err)
	}
	for i, want := range []string{"1 2 3", "1 2 3 4", "1 2 3 4"} {
		var ids []string
		for _, c := range s.Sent[i].Body {
			ids = append(ids, c.CmdID)
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("message %d has the CmdIDs %s, want %s", i+1, got, want)
		}
	}
	if st := s.Sent[2].Body[0]; st.Verb != syncml.Status || st.MsgRef != "2" || s.Sent[2].Body[1].Verb != syncml.Alert {
		t.Errorf("the third message begins with %+v", s.Sent[2].Body[:2])
	}
	for i, m := range s.Sent {
		if (m.Hdr.Source.LocName == fixtureName) != (m.Hdr.Cred != nil) {
			t.Errorf("message %d: LocName %q with the Cred %v", i+1, m.Hdr.Source.LocName, m.Hdr.Cred)
		}
	}
}
