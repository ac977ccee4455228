package dmclient_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// serverSays is a message of the server.
func serverSays(final bool, meta *syncml.Meta, commands ...syncml.Command) *syncml.Message {
	m := &syncml.Message{Final: final, Hdr: syncml.SyncHdr{VerDTD: "1.2", VerProto: "DM/1.2", SessionID: "1", MsgID: "1", Meta: meta},
		Body: []syncml.Command{{Verb: syncml.Status, CmdID: "1", MsgRef: "1", CmdRef: "0", Cmd: "SyncHdr", Data: "200"}}}
	m.Body = append(m.Body, commands...)
	return m
}

func getOf(uri string) syncml.Command {
	return syncml.Command{Verb: syncml.Get, CmdID: "2", Items: []syncml.Item{{Target: syncml.Loc{LocURI: uri}}}}
}

// answering makes the server answer with these messages in turn, then with the
// last one for ever; nil is an empty reply.
func (r *rig) answering(messages ...*syncml.Message) {
	r.t.Helper()
	var bodies [][]byte
	for _, m := range messages {
		var b []byte
		if m != nil {
			var err error
			if b, err = syncml.Write(m); err != nil {
				r.t.Fatal(err)
			}
		}
		bodies = append(bodies, b)
	}
	r.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Write(bodies[0])
		if len(bodies) > 1 {
			bodies = bodies[1:]
		}
		return true
	}
}

// TestOldProfiles: how builds differ in their sessions, as MS-MDM appendix B
// lists it, except where a capture shows otherwise (19043 has both headers), and
// as a support engineer of Microsoft told of Windows 8.1 (white space).
func TestOldProfiles(t *testing.T) {
	const ua, ua81 = "MSFT OMA DM Client/1.2.0.1", "Enrollment"
	for _, c := range []struct {
		profile             dmclient.Profile
		agent, query        string
		traced, waits, fits bool
		stops               bool // at white space
	}{
		{dmclient.WP81(), ua, "mode=Maintenance&Platform=WoA", false, false, true, false},
		{dmclient.Win81(), ua81, "Platform=WoA", false, false, false, true},
		{dmclient.Win10v1511(), ua, "mode=Maintenance&Platform=WoA", false, false, true, false},
		{dmclient.Win10v22H2(), ua, "mode=Maintenance&Platform=WoA", true, true, true, false},
		{dmclient.Win11v25H2(), ua, "mode=Maintenance&Platform=WoA", true, true, true, false},
	} {
		t.Run(c.profile.Name, func(t *testing.T) {
			r := newRig(t, nil)
			d := r.enrolled(func(cfg *dmclient.Config) {
				cfg.Profile, cfg.Identity.Manufacturer = c.profile, strings.Repeat("x", 3000)
			})
			ex := r.sync(d).Exchanges[0]
			_, query, _ := strings.Cut(ex.URL, "?")
			if got := ex.Header.Get("User-Agent"); got != c.agent || query != c.query {
				t.Errorf("User-Agent %q, query %q", got, query)
			}
			for _, h := range []string{"MS-CV", "client-request-id"} {
				if has := ex.Header[h] != nil; has != c.traced {
					t.Errorf("%s: %v", h, ex.Header[h])
				}
			}

			busy := true
			r.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
				if !busy {
					return false
				}
				busy = false
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}
			if s, err := d.Sync(r.ctx(), dmclient.SyncOptions{}); (err == nil) != c.waits || err != nil && (!errors.Is(err, dmclient.ErrRefused) || len(s.Sent) != 1) {
				t.Errorf("after 429: %v", err)
			}

			r.answering(serverSays(true, &syncml.Meta{MaxMsgSize: "2000"}, getOf("./DevInfo/Man")), nil)
			s := r.sync(d)
			if fits := len(s.Exchanges[1].Request) <= 2000; fits != c.fits {
				t.Errorf("%d bytes to a server that takes 2000", len(s.Exchanges[1].Request))
			}

			raw, err := syncml.Write(serverSays(true, nil, getOf("./DevInfo/Lang")))
			if err != nil {
				t.Fatal(err)
			}
			bodies := []string{strings.ReplaceAll(string(raw), "><Get>", ">\n  <Get>"), ""}
			r.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Write([]byte(bodies[0]))
				bodies = bodies[1:]
				return true
			}
			s, err = d.Sync(r.ctx(), dmclient.SyncOptions{})
			if stopped := err != nil; stopped != c.stops || len(s.Sent) == 1 != c.stops {
				t.Errorf("white space: %d messages, %v", len(s.Sent), err)
			}
		})
	}
}

// TestQuirksCanBeSwitchedOff: whoever wants a tolerant Windows 8.1 gets it.
func TestQuirksCanBeSwitchedOff(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(func(c *dmclient.Config) {
		c.Profile, c.Quirks = dmclient.Win81(), []string{"-silent-on-space", "-no-mode", "-no-tracing"}
	})
	r.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Write([]byte("<SyncML xmlns=\"SYNCML:SYNCML1.2\">\n<SyncHdr>\n</SyncHdr><SyncBody/></SyncML>\n"))
		return true
	}
	ex := r.sync(d).Exchanges[0]
	if !strings.Contains(ex.URL, "mode=Maintenance") || ex.Header["MS-CV"] == nil {
		t.Errorf("%s %v", ex.URL, ex.Header)
	}
}

// TestVector: MS-CV counts sessions. All messages of a session have the same one, as
// on 19043.
func TestVector(t *testing.T) {
	r := newRig(t, nil)
	d := r.device(nil)
	if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	var vectors []string
	for range 2 {
		s := r.sync(d)
		if len(s.Exchanges) < 2 {
			t.Fatalf("%d messages: %s", len(s.Exchanges), s.End)
		}
		for _, ex := range s.Exchanges[:2] {
			vectors = append(vectors, ex.Header["MS-CV"][0])
		}
	}
	base, _, _ := strings.Cut(vectors[0], ".")
	if want := []string{base + ".0.0.0", base + ".0.0.0", base + ".0.0.1", base + ".0.0.1"}; len(base) != 16 || !slices.Equal(vectors, want) {
		t.Errorf("%v, want %v", vectors, want)
	}
}

// TestHWDevIDItem: package 1 of a device of build 22621 ended with the HWDevID
// (test data of mattrax/Mattrax).
func TestHWDevIDItem(t *testing.T) {
	r := newRig(t, nil)
	for _, quirks := range [][]string{nil, {"hwdevid-item"}} {
		d := r.enrolled(func(c *dmclient.Config) { c.Quirks = quirks })
		want := "<Item><Source><LocURI>./DevInfo/Lang</LocURI></Source><Data>en-US</Data></Item>"
		if quirks != nil {
			want += "<Item><Source><LocURI>./Vendor/MSFT/DMClient/HWDevID</LocURI></Source><Data>" + d.Identity().HWDevID + "</Data></Item>"
		}
		if got := string(r.sync(d).Exchanges[0].Request); !strings.Contains(got, want+"</Replace><Final/>") {
			t.Errorf("%v: %s", quirks, got)
		}
	}
}

// TestGenericAlertHeader: every message of a session that a critical or fatal
// alert started repeats its type (MS-MDM 2.1 note 5), from Windows 10 1511 on
// (Learn, "What's new in MDM enrollment and management"). Windows 11 marks the
// user's unenrollment critical, Windows 10 does not (captures of 26200, 19043).
func TestGenericAlertHeader(t *testing.T) {
	alert := func(mark string) syncml.Command {
		return syncml.Command{Verb: syncml.Alert, Data: "1226", Items: []syncml.Item{{Meta: &syncml.Meta{Type: "com.example:it", Format: "int", Mark: mark}, Data: "1", HasData: true}}}
	}
	for _, c := range []struct {
		profile dmclient.Profile
		alerts  []syncml.Command
		want    string
	}{
		{dmclient.Win11(), []syncml.Command{dmclient.UnenrollAlert(dmclient.Win11())}, "<com.microsoft:mdm.unenrollment.userrequest>"},
		{dmclient.Win10v22H2(), []syncml.Command{dmclient.UnenrollAlert(dmclient.Win10v22H2())}, ""},
		{dmclient.Win10v1511(), []syncml.Command{alert("fatal"), alert("critical")}, "<com.example:it><com.example:it>"},
		{dmclient.Win11(), []syncml.Command{alert("informational")}, ""},
		{dmclient.Win81(), []syncml.Command{alert("fatal")}, ""},
	} {
		r := newRig(t, nil)
		d := r.enrolled(func(cfg *dmclient.Config) { cfg.Profile = c.profile })
		r.answering(serverSays(true, nil, getOf("./DevInfo/Lang")), serverSays(true, nil, getOf("./DevInfo/Man")), nil)
		s, err := d.Sync(r.ctx(), dmclient.SyncOptions{Alerts: c.alerts})
		if err != nil || len(s.Exchanges) != 3 {
			t.Fatalf("%d messages: %v", len(s.Exchanges), err)
		}
		for i, ex := range s.Exchanges {
			if got := strings.Join(ex.Header["MDM-GenericAlert"], ","); got != c.want {
				t.Errorf("%s: message %d has MDM-GenericAlert %q, want %q", c.profile.Name, i+1, got, c.want)
			}
		}
	}
}

// TestSessionEnds: a session ends as soon as neither side has anything to say,
// with or without Final. Alert 1222 asks for the rest of a package only (OMA DM
// Protocol 1.2.1 sections 6.2, 8.3).
func TestSessionEnds(t *testing.T) {
	next := syncml.Command{Verb: syncml.Alert, CmdID: "2", Data: "1222"}
	part := syncml.Command{Verb: syncml.Replace, CmdID: "2", Items: []syncml.Item{{Target: syncml.Loc{LocURI: "./Vendor/MSFT/Policy/Config/Area/Name"},
		Meta: &syncml.Meta{Size: "20"}, Data: "0123456789", HasData: true, MoreData: true}}}
	for name, c := range map[string]struct {
		replies []*syncml.Message // the last one for ever
		sent    int
		asks    []int // messages with Alert 1222
		end     string
	}{
		"Statuses and Final":         {[]*syncml.Message{serverSays(true, nil)}, 1, nil, "finished"},
		"Statuses only":              {[]*syncml.Message{serverSays(false, nil)}, 1, nil, "no Final"},
		"commands without Final":     {[]*syncml.Message{serverSays(false, nil, getOf("./DevInfo/Lang")), serverSays(false, nil)}, 2, []int{2}, "no Final"},
		"commands and Final":         {[]*syncml.Message{serverSays(true, nil, getOf("./DevInfo/Lang")), serverSays(false, nil)}, 2, nil, "no Final"},
		"asks for what is not there": {[]*syncml.Message{serverSays(false, nil, next)}, 2, nil, "kept asking"},
		"asks, with Final":           {[]*syncml.Message{serverSays(true, nil, next)}, 2, nil, "kept asking"},
		"half an object":             {[]*syncml.Message{serverSays(false, nil, part), serverSays(false, nil)}, 3, []int{2, 3}, "large object"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			d := r.enrolled(nil)
			r.answering(c.replies...)
			s := r.sync(d)
			var asks []int
			for i, m := range s.Sent {
				if slices.ContainsFunc(m.Body, func(c syncml.Command) bool { return c.Code() == syncml.AlertNextMessage }) {
					asks = append(asks, i+1)
				}
			}
			if len(s.Sent) != c.sent || !slices.Equal(asks, c.asks) || !strings.Contains(s.End, c.end) {
				t.Errorf("%d messages, asking in %v; %s", len(s.Sent), asks, s.End)
			}
		})
	}
}
