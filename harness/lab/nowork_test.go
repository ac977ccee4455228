package lab

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestNoWorkSaysWhy: that a hook gave nothing is told only if nothing else explains it.
func TestNoWorkSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		mutant   *mutants.Mutant
		profile  string
		refuses  bool // from the start
		hook     func(refuse *atomic.Bool, w http.ResponseWriter)
		no       bool // it is a NoWorkError
		sessions string
		says     []string
	}{
		"nothing": {hook: func(_ *atomic.Bool, w http.ResponseWriter) { w.Write([]byte("E4002 no such device")) }, no: true,
			says: []string{"let it give the device something to do, and make each call differ, with {{.N}} or {{uuid}}", "work hook, printed: E4002 no such device"}},
		"the PFN is refused": {mutant: mutants.PfnUpperCase, profile: "wp81", no: true,
			says: []string{"The server cannot push to this device", "answered Add of the PFN", "with 500", "not in lower case"}},
		"no PFN":               {mutant: mutants.PfnNever, no: true, says: []string{"the server set no PFN"}},
		"sessions are refused": {refuses: true, sessions: "", says: []string{"fail even before the work hook runs", "500"}},
		"refused after the hook": {hook: func(refuse *atomic.Bool, _ http.ResponseWriter) { refuse.Store(true) }, sessions: "work",
			says: []string{"after the work hook the device's sessions fail", "500"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refuse atomic.Bool
			refuse.Store(c.refuses)
			o := Options{Seed: 1, Mutants: []*mutants.Mutant{{Name: "refuses", Break: func(t *mdmserver.Tamper) {
				t.Receive = append(t.Receive, func(*mdmserver.Visit) int {
					if refuse.Load() {
						return http.StatusInternalServerError
					}
					return 0
				})
			}}}}
			if c.mutant != nil {
				o.Mutants = append(o.Mutants, c.mutant)
			}
			l, err := Start(nil, o)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.hook != nil {
					c.hook(&refuse, w)
				}
			}))
			defer api.Close()
			l.Config.Target.Hooks = target.Hooks{Work: &target.Hook{HTTP: &target.HTTPHook{URL: api.URL}}}
			l.Config.Timeouts.Quiet, l.Config.Timeouts.Push = 1, 1
			if c.profile != "" {
				l.Config.Target.Profiles = []string{c.profile}
			}
			_, err = l.Signature(t.Context())
			var none *NoWorkError
			var sessions *SessionsError
			switch {
			case errors.As(err, &none) != c.no, c.no && !errors.Is(err, ErrNoWork):
				t.Fatalf("%v", err)
			case !c.no && (!errors.As(err, &sessions) || sessions.Hook != c.sessions):
				t.Fatalf("%v", err)
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %v", want, err)
				}
			}
		})
	}
}
