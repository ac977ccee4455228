package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// sessionTokens are the AAD scenarios about the directory's tokens in sessions.
var sessionTokens = []Scenario{
	{
		ID: "AAD-04", Level: report.Should, On: "entra", Uses: []Need{NeedWork}, Title: "a token of another device opens nothing",
		Rule:    "The deviceid claim names the device. A session of device B with a user's token for device A does not get the work of A.",
		Source:  entraDoc + ", Evaluating Microsoft Entra user tokens",
		Fix:     "Identify the device by its client certificate, and refuse a token whose deviceid is of another device.",
		Mutants: []*mutants.Mutant{mutants.AadDeviceByToken},
		Under:   []string{"SEC-02"},
		Run: func(t *T) {
			p := issuing(t)
			of, as := "", ""
			good := tokensOf(t, p, entra.Who{})
			owner := sound(begun(member(t, "Full", func(ctx context.Context, r dmclient.TokenRequest) (string, error) {
				of = r.DeviceID
				return good(ctx, r)
			})))
			b := sound(begun(member(t, "Full", func(ctx context.Context, r dmclient.TokenRequest) (string, error) {
				r.DeviceID = cmp.Or(as, r.DeviceID)
				return good(ctx, r)
			})))
			as = of
			turnsAwayFrom(t, owner, visitor{who: "device B, with a token for device A", device: b, managed: true})
		},
	},
	{
		ID: "AAD-16", Level: report.Should, On: "entra", Uses: []Need{NeedWork}, Title: "a joined device without a user's token gets no user policies",
		Rule:    "There is no user's token right after a join, or while a guest is logged in. The server sends policies of the device only, no commands for ./User.",
		Source:  entraDoc + ", Multiple user management",
		Fix:     "Send commands for ./User to a joined device only in sessions with a user's token.",
		Mutants: []*mutants.Mutant{mutants.AadUserAlways},
		Run: func(t *T) {
			usesDirectory(t)
			d := member(t, "Device", nil)
			given(t, begun(d))
			d.SetLogin(dmclient.LoginOthers)
			d.Sync(dmclient.SyncOptions{})
			for i, s := range talked(t, d) {
				if c := forUser(s); c != "" && len(s.Tokens) == 0 {
					t.Fail("no command for ./User in a session without a user's token", fmt.Sprintf("%s in session %d of a joined device", c, i+1))
				}
			}
		},
	},
	{
		ID: "AAD-17", Level: report.Should, On: "entra", Uses: []Need{NeedWork}, Title: "a work account needs no token in sessions",
		Rule:    "If a user enrolled the device by adding a work account, the server sends policies of the user and of the device whether there is a user's token in the session or not.",
		Source:  entraDoc + ", Adding a work account and MDM enrollment to a device",
		Fix:     "Look for a user's token only in sessions of devices that joined (EnrollmentType Device).",
		Mutants: []*mutants.Mutant{mutants.AadWorkAccount},
		Run: func(t *T) {
			usesDirectory(t)
			quiet := false
			tokens := func(ctx context.Context, r dmclient.TokenRequest) (string, error) {
				if quiet {
					return "", errors.New("the directory gives no token in this scenario")
				}
				cfg, err := t.Lab.DeviceConfig()
				if err != nil {
					return "", err
				}
				return cfg.Tokens(ctx, r)
			}
			sent := func(what string, silent bool) string {
				quiet = false
				d := member(t, "Full", tokens)
				quiet = silent
				given(t, begun(d))
				d.Sync(dmclient.SyncOptions{})
				for _, s := range talked(t, d) {
					if c := forUser(s); c != "" {
						t.Evidence("%s: %s", what, c)
						return c
					}
				}
				t.Evidence("%s: no command for ./User", what)
				return ""
			}
			with := sent("a work account, with the user's token", false)
			if with == "" {
				return // the server has nothing for users
			}
			if sent("a work account, without a token", true) == "" {
				t.Fail("commands for ./User also in sessions without a user's token", "none, and "+with+" in sessions with one")
			}
		},
	},
	{
		ID: "AAD-18", Level: report.Should, On: "entra", Title: "a bad token in a session opens nothing",
		Rule:    "A user's token in a session, in the Authorization header and in the AADUserToken alert, is verified like the one that enrolls: a bad one is no user's token, and a joined device gets no user policies for it.",
		Source:  entraDoc + ", Evaluating Microsoft Entra user tokens; RFC 8725",
		Fix:     "Verify the token in every session: signature, aud, iss, tid, exp and nbf. Refuse the session, or treat it as one without a token.",
		Mutants: []*mutants.Mutant{mutants.AadSessionAny},
		Under:   []string{"AAD-16", "SEC-07"},
		Run: func(t *T) {
			p := issuing(t)
			good := tokensOf(t, p, entra.Who{})
			kind := entra.Good
			d := member(t, "Device", func(ctx context.Context, r dmclient.TokenRequest) (string, error) {
				if kind == entra.Good {
					return good(ctx, r)
				}
				return p.Issue(kind, entra.Who{UPN: t.Lab.Config.Target.Username, DeviceID: r.DeviceID})
			})
			if c := forUser(talked(t, begun(d))[0]); c != "" {
				t.Blocked(suite.By("AAD-16"), "the server sends %s without any token", c)
			}
			for _, kind = range entra.BadKinds() {
				t.Try(string(kind), func() {
					c := forUser(d.Sync(dmclient.SyncOptions{}))
					t.Check(c == "", "no command for ./User in a session with a bad token", c)
				})
			}
		},
	},
}

// tokensAs is where a device gets its tokens from.
type tokensAs func(context.Context, dmclient.TokenRequest) (string, error)

// member returns a device that a directory's token enrolled; nil leaves it its usual
// tokens. It had no session yet.
func member(t *T, enrollmentType string, tokens tokensAs) *Device {
	d := t.DeviceWith(func(c *dmclient.Config) {
		c.EnrollmentType = enrollmentType
		if tokens != nil {
			c.Tokens = tokens
		}
	})
	d.MustEnroll()
	if !d.InDirectory() {
		t.Blocked(suite.By("AAD-01", "AAD-02"), "the device enrolled without a token of the directory")
	}
	return d
}

// begun holds a device's first session.
func begun(d *Device) *Device {
	d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	return d
}

// given gives a device work, if the target has a hook for that: it may have commands
// for ./User.
func given(t *T, d *Device) {
	if t.CanWork() {
		t.Work().Give(d)
	}
}

// talked returns the device's sessions; the body is blocked if one got no reply.
func talked(t *T, d *Device) []*dmclient.Session {
	all := d.Sessions()
	for _, s := range all {
		t.Managed(s)
	}
	return all
}

// forUser names the first command of a session for ./User; empty if there is none.
func forUser(s *dmclient.Session) string {
	i := slices.IndexFunc(s.Commands, func(c dmclient.Executed) bool { return strings.HasPrefix(strings.ToLower(c.LocURI), "./user/") })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s", s.Commands[i].Verb, s.Commands[i].LocURI)
}
