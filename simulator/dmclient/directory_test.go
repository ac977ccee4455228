package dmclient_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestEntraSessions: while an Entra user is logged in, each session carries the
// current token, as Bearer and as alert; the first one after a join does not, nor one
// with a guest or without a user (Learn, "Microsoft Entra integration with MDM").
func TestEntraSessions(t *testing.T) {
	r, f := entraRig(t)
	for _, in := range []struct {
		name string
		edit func(*dmclient.Config)
		want string // in the first session
	}{
		{"a join", join, ""},
		{"a work account", nil, "Alert user, Bearer user"},
	} {
		t.Run(in.name, func(t *testing.T) {
			d := r.device(func(c *dmclient.Config) {
				f.config(c)
				if in.edit != nil {
					in.edit(c)
				}
			})
			if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
				t.Fatal(err)
			}
			first := r.sync(d)
			if got := carries(first, f); got != in.want {
				t.Errorf("the first session carries %q, want %q", got, in.want)
			}
			var last string
			for _, login := range []dmclient.Login{dmclient.LoginUser, dmclient.LoginOthers, dmclient.LoginNone, dmclient.LoginUser} {
				d.SetLogin(login)
				s := r.sync(d)
				want, user := "", ""
				if login == dmclient.LoginUser {
					want, user = "Alert user, Bearer user", "demo@mdm.example"
				}
				if got := carries(s, f); got != want {
					t.Errorf("with %s the session carries %q, want %q", login, got, want)
				}
				if v := r.view(d); v.Login != string(login) || v.User != user {
					t.Errorf("with %s the server shows login %q, user %q", login, v.Login, v.User)
				}
				token := s.Exchanges[0].Header.Get("Authorization")
				if login == dmclient.LoginUser && token == last {
					t.Error("a session carries the token of an earlier one")
				}
				last = token
			}
		})
	}
}

// TestDeviceTokens: ForceAadToken 1 sends the device's token beside the user's, 4
// replaces AADSendDeviceToken, which sends it if there is no user's token;
// AADResourceID is the audience (DDF of DMClient). The place of the first is the header
// DeviceToken (MS-MDM 2.1 note 9).
func TestDeviceTokens(t *testing.T) {
	r, f := entraRig(t)
	user, none := "demo@mdm.example", ""
	for _, in := range []struct {
		name, node, format, value string
		user                      string
		quirk                     string
		want                      string
	}{
		{"nothing set", "", "", "", user, "", "Alert user, Bearer user"},
		{"nothing set, no user's token", "", "", "", none, "", ""},
		{"1", "ForceAadToken", "int", "1", user, "", "Alert user, Bearer user, DeviceToken device"},
		{"1 as bool", "ForceAadToken", "bool", "1", none, "", "DeviceToken device"},
		{"2 is reserved", "ForceAadToken", "int", "2", user, "", "Alert user, Bearer user"},
		{"4", "ForceAadToken", "int", "4", none, "", "Bearer device"},
		{"4 beside a user's token", "ForceAadToken", "int", "4", user, "", "Alert user, Bearer user"},
		{"4 by the quirk", "ForceAadToken", "int", "4", user, "device-bearer", "Alert user, Bearer device"},
		{"8 is reserved", "ForceAadToken", "int", "8", none, "", ""},
		{"AADSendDeviceToken", "AADSendDeviceToken", "bool", "true", none, "", "Bearer device"},
		{"AADSendDeviceToken beside a user's token", "AADSendDeviceToken", "bool", "true", user, "", "Alert user, Bearer user"},
		{"AADSendDeviceToken false", "AADSendDeviceToken", "bool", "false", none, "", ""},
	} {
		t.Run(in.name, func(t *testing.T) {
			f.user = user
			d := r.enrolled(func(c *dmclient.Config) {
				f.config(c)
				if in.quirk != "" {
					c.Quirks = []string{in.quirk}
				}
			})
			base := dmclient.ProviderURI(d.Provider()) + "/"
			if in.node != "" {
				r.queue(d, syncml.Replace, base+in.node, in.format, in.value)
				r.sync(d)
				if got := r.result(d); got != "done 200 " {
					t.Fatalf("%s=%s: %s", in.node, in.value, got)
				}
			}
			f.user, f.asked, f.issued = in.user, nil, nil
			// Asked and issued match by index only if all requests succeed.
			s := r.sync(d)
			if in.user == none {
				f.asked = f.asked[len(f.asked)-len(f.issued):]
			}
			if got := carries(s, f); got != in.want {
				t.Errorf("carries %q, want %q", got, in.want)
			}
			if got := told(d); got != in.want {
				t.Errorf("the device tells %q, want %q", got, in.want)
			}
			if in.user == none && s.TokenErr == nil {
				t.Error("the session does not say that the directory gave no token")
			}
		})
	}
	t.Run("AADResourceID", func(t *testing.T) {
		f.user = user
		d := r.enrolled(f.config)
		r.queue(d, syncml.Replace, dmclient.ProviderURI(d.Provider())+"/AADResourceID", "chr", f.idp.Audience())
		r.sync(d)
		f.asked = nil
		r.sync(d)
		if len(f.asked) != 1 || f.asked[0].Audience != f.idp.Audience() || f.asked[0].DeviceID == "" {
			t.Errorf("asked for %+v", f.asked)
		}
		if id, _ := d.Tree().Get(dmclient.ProviderURI(d.Provider()) + "/AADDeviceID"); len(f.asked) == 1 && f.asked[0].DeviceID != id {
			t.Errorf("asked for device %s, AADDeviceID is %s", f.asked[0].DeviceID, id)
		}
	})
}

// TestForceAadTokenByProfile: the node came with 19042, 22000 and 22621 (DDF of
// DMClient).
func TestForceAadTokenByProfile(t *testing.T) {
	r, f := entraRig(t)
	for _, p := range dmclient.Profiles() {
		d := r.enrolled(func(c *dmclient.Config) { f.config(c); c.Profile = p })
		r.queue(d, syncml.Replace, dmclient.ProviderURI(d.Provider())+"/ForceAadToken", "int", "1")
		r.sync(d)
		want, carried := "done 404 ", "Alert user, Bearer user"
		switch {
		case p.Build >= 19042:
			want, carried = "done 200 ", "Alert user, Bearer user, DeviceToken device"
		case p.Build < 10240: // no directory's users before Windows 10
			carried = ""
		}
		if got := r.result(d); got != want {
			t.Errorf("%s: ForceAadToken %s, want %s", p.Name, got, want)
		}
		if got := carries(r.sync(d), f); got != carried {
			t.Errorf("%s carries %q, want %q", p.Name, got, carried)
		}
	}
}

// TestOthersSendNoToken: a device that no directory's token enrolled sends none, even
// if it could have one; tokens of other types stay in the enrollment.
func TestOthersSendNoToken(t *testing.T) {
	for name, in := range map[string]struct {
		server func(*mdmserver.Config)
		cred   *enroll.Credential
	}{
		"a password": {nil, nil},
		"a token of another type": {func(c *mdmserver.Config) {
			c.AuthPolicy = mdmserver.Federated
			c.Tamper.Authenticate = append(c.Tamper.Authenticate, func(x *mdmserver.Enrollment) { x.Fault = nil })
		}, &enroll.Credential{Token: []byte("an agent's own"), TokenType: "urn:agent"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, in.server)
			idp, err := entra.New(entra.Config{})
			if err != nil {
				t.Fatal(err)
			}
			f := &fakeEntra{idp: idp, kind: entra.Good, user: "demo@mdm.example"}
			d := r.device(f.config)
			if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{Credential: in.cred}); err != nil {
				t.Fatal(err)
			}
			d.Tree().Provision(dmclient.ProviderURI(d.Provider())+"/ForceAadToken", "1")
			r.sync(d)
			if got := carries(r.sync(d), f); got != "" || len(d.Tokens()) > 0 {
				t.Errorf("carries %q, %v", got, d.Tokens())
			}
		})
	}
}

// TestExpiredToken: the server answers 401 to a Bearer token that expired, or that it
// does not trust; the session ends, and the next one asks for a new token. No message
// renews a token [model].
func TestExpiredToken(t *testing.T) {
	r, f := entraRig(t)
	d := r.enrolled(f.config)
	for _, kind := range entra.BadKinds() {
		f.kind = kind
		s, err := d.Sync(r.ctx(), dmclient.SyncOptions{})
		if !errors.Is(err, dmclient.ErrRefused) || len(s.Exchanges) != 1 || s.Exchanges[0].Status != http.StatusUnauthorized ||
			!strings.HasPrefix(s.Exchanges[0].Reply.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: %v, %s", kind, err, s.End)
		}
	}
	f.kind, f.asked = entra.Good, nil
	r.sync(d)
	if len(f.asked) != 1 || !f.asked[0].Renew {
		t.Errorf("after the refusal the device asked for %+v", f.asked)
	}
	f.asked = nil
	if r.sync(d); f.asked[0].Renew {
		t.Error("the device still asks for a new token after a session that went well")
	}
}

// TestForgedAlert: an AADUserToken that does not verify gets a Status and counts for
// nothing; the session goes on, with policies of the device only.
func TestForgedAlert(t *testing.T) {
	r, f := entraRig(t)
	d := r.enrolled(func(c *dmclient.Config) { f.config(c); join(c) })
	d.SetLogin(dmclient.LoginOthers) // no token of its own
	r.queue(d, syncml.Get, "./DevInfo/Lang", "", "")
	other, err := f.idp.Issue(entra.Good, entra.Who{UPN: "admin@mdm.example", DeviceID: "another-device"})
	if err != nil {
		t.Fatal(err)
	}
	forged, err := f.idp.Issue(entra.WrongKey, entra.Who{UPN: "admin@mdm.example"})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"forged": forged, "another device's": other, "empty": ""} {
		s, err := d.Sync(r.ctx(), dmclient.SyncOptions{Alerts: []syncml.Command{{Verb: syncml.Alert, Data: "1224", Items: []syncml.Item{
			{Meta: &syncml.Meta{Type: "com.microsoft/MDM/AADUserToken"}, Data: token, HasData: true}}}}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var codes []string
		for _, c := range s.Received[0].Body {
			if c.Verb == syncml.Status {
				codes = append(codes, c.Data)
			}
		}
		if got := strings.Join(codes, " "); got != "200 200 200 401 200" { // SyncHdr, 1201, LoginStatus, the token, Replace
			t.Errorf("%s: Statuses %s", name, got)
		}
		if v := r.view(d); v.User != "" {
			t.Errorf("%s: the server believes that %s is logged in", name, v.User)
		}
	}
	if got := r.result(d); got != "done 200 en-US" {
		t.Errorf("the work in that session: %s", got)
	}
}

// TestPackedTokens: a device tells what its last session carried, after it was packed
// as well, and never the token; a join stays one.
func TestPackedTokens(t *testing.T) {
	r, f := entraRig(t)
	d := r.enrolled(func(c *dmclient.Config) { f.config(c); join(c) })
	again := func(d *dmclient.Device) *dmclient.Device {
		t.Helper()
		record, err := d.Pack(dmclient.Packing{})
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range f.issued {
			if strings.Contains(string(record), token[len(token)-40:]) {
				t.Error("the record holds a token")
			}
		}
		cfg := dmclient.Config{Discovery: "https://mdm.example", Roots: r.roots, WNS: r.wns, NoRetry: true}
		f.config(&cfg)
		if d, err = dmclient.Unpack(cfg, dmclient.Packing{}, record); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		return d
	}
	d = again(d)
	if len(d.Tokens()) > 0 {
		t.Errorf("the first session after a join carried %v", d.Tokens())
	}
	d.Tree().Provision(dmclient.ProviderURI(d.Provider())+"/ForceAadToken", "1")
	r.sync(d)
	d = again(d)
	// Two tokens leave an idle device within 1 KiB, like all in a fleet.
	shared := dmclient.Packing{Dict: dmclient.NewDictionary()}
	if _, err := d.Pack(shared); err != nil { // the dictionary learns from it
		t.Fatal(err)
	}
	if record, err := d.Pack(shared); err != nil || len(record) > 1024 {
		t.Errorf("the record takes %d bytes, %v", len(record), err)
	}
	all := d.Tokens()
	if len(all) != 2 || all[0].Device || all[0].Of != "demo@mdm.example" || all[0].In.String() != "the AADUserToken alert and Authorization: Bearer" ||
		!all[1].Device || all[1].Of != f.asked[0].DeviceID || all[1].In.String() != "the DeviceToken header" {
		t.Fatalf("%+v", all)
	}
	for _, c := range all {
		if left := time.Until(c.Expires); left < 50*time.Minute || left > time.Hour {
			t.Errorf("%s expires at %s", c.Of, c.Expires)
		}
	}
}
