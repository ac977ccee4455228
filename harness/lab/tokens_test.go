package lab

import (
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
)

// TestHookTokens: a hook is asked again when its token is about to expire, when the
// server refused it, or if the token does not say until when it is valid.
func TestHookTokens(t *testing.T) {
	life, asked := time.Hour, []string{}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, string(body))
		if life == 0 {
			io.WriteString(w, "opaque\n")
			return
		}
		p, err := entra.New(entra.Config{Life: life, Key: func() (*rsa.PrivateKey, error) { return key, nil }})
		if err != nil {
			t.Error(err)
			return
		}
		token, err := p.Issue(entra.Good, entra.Who{UPN: "u@x"})
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, token+"\n")
	}))
	t.Cleanup(srv.Close)
	with := func(body, valueType string) *target.Config {
		return &target.Config{Timeouts: target.Timeouts{Hook: time.Minute}, Target: target.Target{Username: "u@x", Hooks: target.Hooks{
			Token: &target.TokenHook{Hook: target.Hook{HTTP: &target.HTTPHook{URL: srv.URL, Body: body}}, ValueType: valueType}}}}
	}
	plain, whole := with("{{.Username}}", ""), with("{{.TokenKind}} {{.DirectoryID}} {{.Audience}}", "")
	named := with("{{.DeviceName}}", enroll.JWTToken)
	device := func(name string) *dmclient.Device {
		d, err := dmclient.New(dmclient.Config{Identity: dmclient.Identity{DeviceID: name, Name: "PC-" + name}})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d1, d2 := device("d1"), device("d2")
	user, other := dmclient.TokenRequest{Of: d1, DeviceID: "d1"}, dmclient.TokenRequest{Of: d2, DeviceID: "d2"}
	for name, in := range map[string]struct {
		hook *target.Config
		life time.Duration
		of   []dmclient.TokenRequest
		want string // what the hook was asked
	}{
		"kept":              {plain, time.Hour, []dmclient.TokenRequest{user, user, other}, "u@x"},
		"of each device":    {whole, time.Hour, []dmclient.TokenRequest{user, user, other}, "user d1 ; user d2 "},
		"of a name":         {named, time.Hour, []dmclient.TokenRequest{user, other, user}, "PC-d1; PC-d2"},
		"about to expire":   {plain, nearExpiry - time.Second, []dmclient.TokenRequest{user, user}, "u@x; u@x"},
		"expired":           {plain, time.Nanosecond, []dmclient.TokenRequest{user, user}, "u@x; u@x"},
		"opaque":            {plain, 0, []dmclient.TokenRequest{user, user}, "u@x; u@x"},
		"refused":           {plain, time.Hour, []dmclient.TokenRequest{user, {Of: d1, DeviceID: "d1", Renew: true}, user}, "u@x; u@x"},
		"of a device":       {whole, time.Hour, []dmclient.TokenRequest{{Of: d1, DeviceID: "d1", Device: true}, user}, "device d1 ; user d1 "},
		"terms of use":      {whole, time.Hour, []dmclient.TokenRequest{{Of: d1}}, "terms  "},
		"another audience":  {whole, time.Hour, []dmclient.TokenRequest{user, {Of: d1, DeviceID: "d1", Audience: "https://a.example"}}, "user d1 ; user d1 https://a.example"},
		"no device's token": {plain, time.Hour, []dmclient.TokenRequest{{Of: d1, DeviceID: "d1", Device: true}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			life, asked = in.life, nil
			tokens := HookTokens(in.hook, nil)
			for _, r := range in.of {
				token, err := tokens(t.Context(), r)
				if refuses := in.want == ""; (err != nil) != refuses || refuses != (token == "") || strings.TrimSpace(token) != token {
					t.Errorf("%+v: %q, %v", r, token, err)
				}
			}
			if got := strings.Join(asked, "; "); got != in.want {
				t.Errorf("the hook was asked %q, want %q", got, in.want)
			}
		})
	}
	if HookTokens(with("x", "urn:agent"), nil) != nil || HookTokens(&target.Config{}, nil) != nil {
		t.Error("sessions get tokens of another type, or of no hook")
	}
	srv.Close()
	var log hookLog
	if _, err := HookTokens(plain, log.add)(t.Context(), user); err == nil || !strings.Contains(err.Error(), "the token hook failed") {
		t.Error(err)
	}
	if len(log.list) != 1 || log.list[0].DeviceID != d1.Identity().DeviceID || log.list[0].Err == nil {
		t.Errorf("the log of hooks has %+v", log.list)
	}
}
