package mutants

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of the directory's tokens in sessions.
var (
	AadDeviceByToken = &Mutant{"aad-device-by-token", "takes the deviceid of a token for the device's identity", func(t *tamper) {
		var mu sync.Mutex
		enrolled := map[string]string{} // by id in the directory
		hook.On(t, mdmserver.Enrolled, func(c *mdmserver.Change) {
			mu.Lock()
			defer mu.Unlock()
			if c.Device.Directory != "" {
				enrolled[c.Device.Directory] = c.Device.ID
			}
		})
		of := func(r *http.Request) string {
			mu.Lock()
			defer mu.Unlock()
			id, _ := unverified(bearer(r))["deviceid"].(string) // none
			return enrolled[id]
		}
		identify(t, func(c *mdmserver.Caller) {
			if id := of(c.Request); id != "" {
				c.ID = id
			}
		})
		t.Serve = append(t.Serve, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				x := hook.Read(r)
				if id := of(r); r.URL.Path == mdmserver.ManagementPath && id != "" && id != x.Device() {
					swap := tamper{}
					hook.Rewrite(&swap, r.URL.Path, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(x.Device()), []byte(id)) })
					hook.After(&swap, r.Method, r.URL.Path, func(x *hook.Exchange) { x.Replace(id, x.Device()) })
					swap.Serve[1](swap.Serve[0](next)).ServeHTTP(w, r)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
	}}
	AadV1Sessions = &Mutant{"aad-v1-sessions", "refuses v2.0 tokens in sessions", func(t *tamper) {
		identify(t, func(c *mdmserver.Caller) {
			if unverified(bearer(c.Request))["ver"] == "2.0" {
				c.Refusal = errors.New("refused on purpose")
			}
		})
	}}
	AadUserAlways = &Mutant{"aad-user-always", "sends user policies to joined devices in every session", func(t *tamper) {
		userPolicy(t, func(v *mdmserver.Visit) bool { return v.Device.EnrollmentType == "Device" })
	}}
	AadWorkAccount = &Mutant{"aad-work-account", "sends user policies to work accounts only in sessions with a token", func(t *tamper) {
		userPolicy(t, func(v *mdmserver.Visit) bool { return v.Device.EnrollmentType != "Device" && v.Device.User != "" })
	}}
	AadSessionAny = &Mutant{"aad-session-any", "sends user policies to joined devices for any token", func(t *tamper) {
		t.Serve = append(t.Serve, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == mdmserver.ManagementPath {
					r.Header.Del("Authorization")
				}
				next.ServeHTTP(w, r)
			})
		})
		userPolicy(t, func(v *mdmserver.Visit) bool {
			for i := range v.In.Body {
				for _, it := range v.In.Body[i].Items {
					if it.Meta != nil && it.Meta.Type == "com.microsoft/MDM/AADUserToken" {
						return v.Device.EnrollmentType == "Device"
					}
				}
			}
			return false
		})
	}}
)

// bearer is the token in the Authorization header.
func bearer(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return token
}

// userPolicy sends devices of a directory a policy of their user at the beginning of
// the sessions that f says.
func userPolicy(t *tamper, f func(*mdmserver.Visit) bool) {
	hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		if v.Opens && v.Device.Directory != "" && hook.Planning(v) && f(v) {
			r.Plan = append(r.Plan, hook.UserPolicy())
		}
	})
}
