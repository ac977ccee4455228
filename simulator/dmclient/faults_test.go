package dmclient_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// spoiled runs a session of a device with the fault; a Get of Lang is queued
// for it. Its error is part of what is to be seen.
func spoiled(t *testing.T, spec string, server func(*mdmserver.Config)) (*rig, *dmclient.Device, *dmclient.Session, error) {
	t.Helper()
	r := newRig(t, server)
	d := r.enrolled(nil)
	f, err := faults.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	if f.Fault() == "" {
		t.Errorf("%s does not say what it is", spec)
	}
	d.AddFault(f)
	r.queue(d, syncml.Get, "./DevInfo/Lang", "", "")
	s, err := d.Sync(r.ctx(), dmclient.SyncOptions{})
	return r, d, s, err
}

// TestFaultsOnTheWire: what each fault does to the bytes a server gets.
func TestFaultsOnTheWire(t *testing.T) {
	cases := map[string]struct {
		msg         int // which message to look at, from 1
		has, hasNot string
		err         error // what the session ends with
	}{
		"abort":                    {2, "<Data>1223</Data>", "<Results>", dmclient.ErrAbort},
		"answer=Get:/Lang:425":     {2, "<Cmd>Get</Cmd><Data>425</Data>", "en-US", nil},
		"answer=*:/ChannelURI:404": {2, "<Data>404</Data>", "notify.windows.com", nil},
		"channel-uri=https://x/?a": {2, "<Data>https://x/?a</Data>", "notify.windows.com", nil},
		"cmdid-gaps":               {1, "<CmdID>10</CmdID>", "<CmdID>2</CmdID>", nil},
		"double-status":            {2, "", "", nil},
		"drop-status=Get":          {2, "<Results>", "<Cmd>Get</Cmd>", nil},
		"drop-status":              {2, "<Results>", "<Cmd>Get</Cmd>", nil},
		"garbage-digest":           {1, "Z2FyYmFnZQ==", "", nil},
		"indented":                 {1, "<s:VerDTD>1.2</s:VerDTD>", "<VerDTD>", nil},
		"msgid-repeat":             {2, "<MsgID>1</MsgID>", "<MsgID>2</MsgID>", dmclient.ErrEndless}, // each is a session's first
		"no-final":                 {1, "", "<Final/>", nil},
		"other-identity=SOMEBODY":  {1, "<LocURI>SOMEBODY</LocURI>", "", dmclient.ErrRefused},
		"push-status=5":            {2, "<Data>5</Data>", "", nil},
		"repeat-results":           {2, "<Results>", "", nil},
		"results-without-status":   {2, "<Results>", "<Cmd>Get</Cmd>", nil},
		"session-id=0":             {1, "<SessionID>0</SessionID>", "", nil},
		"unknown-alert":            {1, "com.dmwake/unknown", "", nil},
		"utf16":                    {1, "S\x00y\x00n\x00c", "Sync", nil},
		"wrong-version":            {1, "<VerDTD>1.1</VerDTD><VerProto>DM/1.1</VerProto>", "", nil},
		"late-results":             {2, "<Cmd>Get</Cmd>", "<Results>", nil},
		"wrong-certificate":        {1, "", "", dmclient.ErrRefused},
		"no-certificate":           {1, "", "", dmclient.ErrRefused},
		"truncated":                {2, "<SyncHdr>", "</SyncML>", dmclient.ErrRefused},
	}
	for spec, c := range cases {
		t.Run(spec, func(t *testing.T) {
			_, _, s, err := spoiled(t, spec, nil)
			if c.err == nil && err != nil && !errors.Is(err, dmclient.ErrRefused) || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("the session ended with %v, want %v", err, c.err)
			}
			if len(s.Exchanges) < c.msg {
				t.Fatalf("%d messages: %s", len(s.Exchanges), s.End)
			}
			body := string(s.Exchanges[c.msg-1].Request)
			if !strings.Contains(body, c.has) || c.hasNot != "" && strings.Contains(body, c.hasNot) {
				t.Errorf("message %d is\n%s\nwant %q and not %q", c.msg, body, c.has, c.hasNot)
			}
		})
	}
}

func TestFaultsInTheSession(t *testing.T) {
	_, _, s, err := spoiled(t, "stop", nil)
	if !errors.Is(err, dmclient.ErrStop) || len(s.Exchanges) != 1 {
		t.Errorf("stop: %v after %d messages", err, len(s.Exchanges))
	}
	_, _, s, _ = spoiled(t, "double-status", nil)
	if n := strings.Count(string(s.Exchanges[1].Request), "<Cmd>Get</Cmd>"); n != 6 {
		t.Errorf("double-status: %d Statuses for three Gets", n)
	}
	r, d, _, _ := spoiled(t, "answer=Get:/Lang:400", nil)
	f, err := faults.New("empty-cmdref")
	if err != nil {
		t.Fatal(err)
	}
	d.AddFault(f)
	r.queue(d, syncml.Get, "./DevInfo/Lang", "", "")
	if s, _ = d.Sync(r.ctx(), dmclient.SyncOptions{}); !strings.Contains(string(s.Exchanges[1].Request), "<CmdRef/><Cmd>Get</Cmd><Data>400</Data>") {
		t.Errorf("empty-cmdref: %s", s.Exchanges[1].Request)
	}
	r, d, _, _ = spoiled(t, "late-results", nil)
	if got := r.result(d); got != "done 200 en-US" {
		t.Errorf("late-results: the server knows %q", got)
	}
	r, d, _, _ = spoiled(t, "pfn-418-500", nil)
	run := func(verb syncml.Verb) string {
		r.queue(d, verb, d.PushURI()+"/PFN", "chr", "52314publisher.testwns_t6e9vsyjkrw9w")
		r.sync(d)
		return r.result(d)
	}
	if a, b := run(syncml.Add), run(syncml.Replace); a != "done 418 " || b != "done 500 " {
		t.Errorf("pfn-418-500: %s, %s", a, b)
	}
	r, d, _, _ = spoiled(t, "install-fails=-5", nil)
	const app = "./Device/Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/a.b_8wekyb3d8bbwe/HostedInstall"
	r.queue(d, syncml.Add, app, "", "")
	r.queue(d, syncml.Exec, app, "", `<Application PackageUri="x"/>`)
	r.sync(d)
	if s := r.sync(d); s.Sent[0].Body[2].Items[0].Data != "-5" {
		t.Errorf("install-fails: %+v", s.Sent[0].Body[2])
	}
	_, _, s, err = spoiled(t, "stale-nonce", func(c *mdmserver.Config) { c.SessionAuth = mdmserver.AuthMD5 })
	if err != nil || len(s.Sent) < 3 {
		t.Errorf("stale-nonce: %v after %d messages", err, len(s.Sent))
	}
}

// TestSlowAndHold wait on the device's clock.
func TestSlowAndHold(t *testing.T) {
	for spec, waits := range map[string][]time.Duration{"slow=7s": {7 * time.Second, 7 * time.Second}, "hold": {time.Hour}} {
		r := newRig(t, nil)
		clock := dmclient.NewVirtualClock(start)
		d := r.enrolled(func(c *dmclient.Config) { c.Clock = clock })
		f, err := faults.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		d.AddFault(f)
		r.queue(d, syncml.Get, "./DevInfo/Lang", "", "")
		done := make(chan error, 1)
		go func() { _, err := d.Sync(r.ctx(), dmclient.SyncOptions{}); done <- err }()
		for _, w := range waits {
			advance(t, clock, int(w.Seconds()))
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", spec, err)
		}
		ctx, cancel := context.WithCancel(r.ctx())
		go func() { _, err := d.Sync(ctx, dmclient.SyncOptions{}); done <- err }()
		eventually(t, func() bool { return clock.Waiting() > 0 }, "the device waits")
		cancel()
		if err := <-done; err == nil {
			t.Errorf("%s: a session that was given up ended well", spec)
		}
	}
}

// TestRollbackFails: 516 for what was done, and it stays.
func TestRollbackFails(t *testing.T) {
	for spec, want := range map[string]string{"": "507 216 404", "rollback-fails": "507 516 404"} {
		r := newRig(t, nil)
		d := r.enrolled(nil)
		if spec != "" {
			f, err := faults.New(spec)
			if err != nil {
				t.Fatal(err)
			}
			d.AddFault(f)
		}
		const uri = "./Vendor/MSFT/Policy/Config/Browser/HomePages"
		got := atomic(t, r, d, uri, "./Nope")
		if got != want {
			t.Errorf("%q: answered %s, want %s", spec, got, want)
		}
		if d.Tree().Has(uri) != (spec != "") {
			t.Errorf("%q: what was done is there: %v", spec, d.Tree().Has(uri))
		}
	}
}

func TestFaultMistakes(t *testing.T) {
	for spec, want := range map[string]string{
		"nope": "unknown fault", "abort=0": "not a number from 1 up", "abort=x": "not a number", "slow=1": "not a positive duration", "answer": "needs an argument",
		"answer=x": "use VERB:SUFFIX:CODE", "answer=Frob:/x:500": "not a verb", "answer=Get:/x:99": "not a status", "answer=Get:/x:500:y": "not a number",
		"drop-status=Frob": "not a verb", "session-id=12345": "four bytes", "double-status=1": "takes no argument", "push-status=x": "invalid syntax",
		"install-fails=x": "invalid syntax", "other-identity": "needs an argument",
		"install-parks=70": "under way", "certificate-fails=1": "does not succeed", "wipe-fails=maybe": "use refused or rolled-back",
	} {
		if _, err := faults.New(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", spec, err, want)
		}
	}
	for _, k := range faults.All() {
		arg := map[string]string{"answer": "=Get:/x:500", "channel-uri": "=x", "other-identity": "=x", "push-status": "=1", "session-id": "=1"}[k.Name]
		if _, err := faults.New(k.Name + arg); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}
