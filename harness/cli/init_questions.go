package cli

import (
	"cmp"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/target/presets"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// always are the questions that are asked with any preset.
var always = []string{"ca", "profile", "wns"}

// answer takes the flags, asks for the rest, and checks everything. Without a
// terminal its error lists all that is wrong, and doubts become notes.
func (f *initFlags) answer(ctx context.Context, d *dialogue) error {
	// Some answers are kept in another form.
	push, password := "yes", "yes"
	if f.v.NoPush {
		push = "no"
	}
	if f.noPassword {
		password = "no"
	}
	var wrong []error
	for i := range f.questions(ctx, d, &push, &password) {
		q := f.questions(ctx, d, &push, &password)[i] // in words that suit the answers so far
		if !f.of.Uses(q.name) && !slices.Contains(always, q.name) || q.when != nil && !q.when() && !f.given[q.name] {
			continue
		}
		silent := !d.asks() || f.given[q.name] || f.known[q.name] || q.name == "profile"
		if silent {
			err := q.check(*q.to)
			var may *doubtError
			switch {
			case err == nil:
				continue
			case errors.As(err, &may):
				f.notes = append(f.notes, fmt.Sprintf("--%s: %s", q.name, may.why))
				continue
			case !d.asks():
				wrong = append(wrong, fmt.Errorf("--%s %w", q.name, err))
				continue
			}
			d.say(fmt.Sprintf("--%s %v", q.name, err))
		}
		if err := d.ask(q); err != nil {
			return err
		}
	}
	if wrong != nil {
		return errors.Join(wrong...)
	}
	f.complete(ctx)
	f.notes = append(f.notes, f.ports()...)
	return nil
}

// complete fills in what follows from the answers.
func (f *initFlags) complete(ctx context.Context) {
	v := &f.v
	if v.Password == "" && f.policy(ctx) == "OnPremise" {
		v.Password = presets.Yes
	}
	if v.PushOnQueue {
		v.Push = ""
	}
	v.Tenant = cmp.Or(v.Tenant, uuid.NewString())
	if u, err := url.Parse(f.discovery()); err == nil && v.Audience == "" {
		v.Audience = "https://" + u.Hostname()
	}
	v.Restart = strings.Fields(f.restart)
}

// questions are asked in this order; later ones depend on earlier answers.
func (f *initFlags) questions(ctx context.Context, d *dialogue, push, password *string) []question {
	v := &f.v
	pushes := func() bool { return !f.pushless() }
	wipe := "URL that wipes a device (Enter: the command is queued)"
	if v.Queue == "" {
		wipe = "URL that wipes a device (Enter: later)"
	}
	return []question{
		{"username", "User who enrolls devices (e-mail address)", &v.Username, f.checkUsername, nil},
		{"server", "Address of the server (https://host)", &v.Server, func(s string) error { return f.checkServer(ctx, d, s) }, nil},
		{"discovery", "Discovery URL (Enter: from the user's domain)", &v.Discovery, func(s string) error { return f.checkDiscovery(ctx, d, s) }, nil},
		{"ca", "PEM file of the CA that signed the server's certificate (Enter: the system's)", &v.CA, func(s string) error { return f.checkCA(ctx, d, s) }, func() bool { return v.CA != "" || f.asks(ctx).err != nil }},
		{"profile", "", &v.Profile, func(s string) error { return f.checkProfile(ctx, s) }, nil},
		{"no-password", "Does the server's sign-in page ask for a password (yes or no)", password, func(s string) error { return f.checkPassword(ctx, d, s) },
			func() bool { return f.policy(ctx) != "Certificate" && (!d.asks() || f.policy(ctx) == "Federated") }},
		{"cert", "PEM file of the certificate that enrolls devices", &v.Cert, f.checkCert, f.byCertificate(ctx)},
		{"key", "PEM file of its key", &v.Key, f.checkKey, f.byCertificate(ctx)},
		{"directory", "Address of the fake Entra", &v.Directory, checkAddress, func() bool { return !d.asks() }},
		{"tenant", "Tenant id (Enter: a random one)", &v.Tenant, f.checkTenant, nil},
		{"audience", "Application ID URI of the server's app (Enter: https:// and the server's host)", &v.Audience, f.checkAudience, nil},
		{"client-id", "Client id of the server's app, if it wants v2.0 tokens (Enter: v1.0 tokens)", &v.ClientID, f.anything, nil},
		{"admin", "URL of the admin API", &v.Admin, checkBase, nil},
		{"no-push", "Does the server push through WNS (yes or no)", push, f.checkPush, nil},
		{"queue-url", "URL of an API that queues any command for a device; {{.DeviceID}} stands for its id (Enter: there is none)", &v.Queue, hookURL(ctx), nil},
		{"work-url", "URL of an API that gives a device anything to do: a profile, a script, a sync (Enter: later)", &v.Work, hookURL(ctx), func() bool { return v.Queue == "" }},
		{"push-url", "URL that pushes to a device (auto: the server pushes by itself when work is queued; Enter: later)", &v.Push, f.checkPushURL(ctx), pushes},
		{"enrolled-url", "URL to call after each enrollment (Enter: none)", &v.Enrolled, hookURL(ctx), nil},
		{"wipe-url", wipe, &v.Wipe, hookURL(ctx), nil},
		{"unenroll-url", "URL that unenrolls a device (Enter: later)", &v.Unenroll, hookURL(ctx), nil},
		{"active-url", "URL that answers with the DeviceIDs of all managed devices (Enter: later)", &v.Active, hookURL(ctx), nil},
		{"restart", "Command or URL that restarts the server (Enter: none)", &f.restart, f.checkRestart, nil},
		{"lookup-url", "URL that answers with the server's own id of a device, for {{.ServerID}}", &v.Lookup, f.checkLookup(ctx), f.needsLookup},
		{"wns", "How the server reaches the fake WNS: proxy, hosts or direct", &v.Mode, f.checkMode, pushes},
		{"pfn", "Package family name that the server sets (Enter: the lab's)", &v.PFN, func(s string) error { return checkApp(s, "") }, pushes},
		{"sid", "Package SID of its app (Enter: the lab's)", &v.SID, func(s string) error { return checkApp("", s) }, pushes},
	}
}

// pushless reports whether the server has no WNS push.
func (f *initFlags) pushless() bool { return f.v.NoPush || !f.of.Uses("pfn") }

func (f *initFlags) anything(string) error { return nil }

func (f *initFlags) checkUsername(v string) error {
	if v == "" && f.of.Policy != "Certificate" { // which needs no user
		return errors.New("is missing: the user who enrolls devices; dmwake init asks for it on a terminal")
	}
	if name, _, _ := strings.Cut(v, "@"); v != "" {
		_, err := enroll.DiscoveryURL(v)
		switch {
		case strings.Contains(v, "://"):
			return fmt.Errorf("%q is a URL, and the user is an e-mail address, user@domain; the discovery URL is another question (--discovery), which comes next", redact.Text(v))
		case err != nil || name == "" || strings.ContainsAny(v, " /"):
			return fmt.Errorf("%q is not an e-mail address, user@domain, as users of Windows type it", redact.Text(v))
		}
	}
	return nil
}

// byCertificate is when a certificate enrolls devices: the server says so, or the
// preset.
func (f *initFlags) byCertificate(ctx context.Context) func() bool {
	return func() bool { return f.of.Policy == "Certificate" || f.policy(ctx) == "Certificate" }
}

func (f *initFlags) inFolder(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.file), path)
}

func (f *initFlags) checkCert(v string) error {
	if v == "" {
		return errors.New("is missing: the certificate that enrolls devices, a PEM file")
	}
	raw, err := bounded.ReadFile(f.inFolder(v), bounded.Text)
	if err != nil {
		return err
	}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return nil // whose it is shows with its key
		}
	}
	return fmt.Errorf("%s contains no PEM certificate", v)
}

func (f *initFlags) checkKey(v string) error {
	switch {
	case v == "" && f.v.Cert == "":
		return errors.New("is missing, too")
	case v == "":
		return errors.New("is missing: the key of --cert, a PEM file")
	case f.v.Cert == "":
		return errors.New("needs --cert")
	}
	_, err := (&target.KeyPair{Cert: f.inFolder(f.v.Cert), Key: f.inFolder(v)}).Load()
	return err
}

func (f *initFlags) checkTenant(v string) error {
	if _, err := uuid.Parse(v); v != "" && err != nil {
		return fmt.Errorf("%q is not a GUID, as tenant ids are", v)
	}
	return nil
}

func (f *initFlags) checkAudience(v string) error {
	if u, err := url.Parse(f.discovery()); v == "" && (err != nil || u.Host == "") {
		return errors.New("is missing: the Application ID URI of the server's app")
	}
	return nil
}

func (f *initFlags) checkPush(v string) error {
	if err := yes(v); err != nil {
		return err
	}
	f.v.NoPush = strings.HasPrefix(strings.ToLower(v), "n")
	return nil
}

func (f *initFlags) checkPushURL(ctx context.Context) func(string) error {
	return func(v string) error {
		f.v.PushOnQueue = v == "auto"
		switch {
		case v != "" && f.v.NoPush:
			return errors.New("goes with a server that pushes, and --no-push says that it does not")
		case f.v.PushOnQueue:
			return nil
		}
		return hookURL(ctx)(v)
	}
}

func (f *initFlags) needsLookup() bool {
	v := &f.v
	for _, u := range []string{v.Queue, v.Work, v.Push, v.Enrolled, v.Wipe, v.Unenroll, f.restart} {
		if target.UsesServerID(u) {
			return true
		}
	}
	return false
}

func (f *initFlags) checkLookup(ctx context.Context) func(string) error {
	return func(v string) error {
		switch {
		case v == "":
			return errors.New("is missing: another URL uses {{.ServerID}}")
		case target.UsesServerID(v):
			return errors.New("cannot use {{.ServerID}}, which it is to find")
		}
		return hookURL(ctx)(v)
	}
}

func (f *initFlags) checkRestart(v string) error {
	words := strings.Fields(v)
	switch {
	case len(words) == 0:
		return nil
	case presets.Values{Restart: words}.RestartURL() != "":
		return target.CheckURL(v)
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return doubt("there is no command %s here", words[0])
	}
	return nil
}

func (f *initFlags) checkMode(v string) error {
	return (&target.WNS{Mode: v}).Check()
}

// checkApp checks the app as the fake WNS does.
func checkApp(pfn, sid string) error {
	app := fakewns.DefaultApp
	app.PFN, app.PackageSID = cmp.Or(pfn, app.PFN), cmp.Or(sid, app.PackageSID)
	return fakewns.New(fakewns.Config{}).SetApps([]fakewns.App{app})
}

// checkPassword notes whether the sign-in page asks for a password. Only where a
// server has such a page is there a choice.
func (f *initFlags) checkPassword(ctx context.Context, d *dialogue, v string) error {
	if err := yes(v); err != nil {
		return err
	}
	no := strings.HasPrefix(strings.ToLower(v), "n")
	switch policy := f.policy(ctx); {
	case no && policy == "OnPremise":
		return errors.New("is for servers with a sign-in page, and this one asks for a user name and a password (AuthPolicy OnPremise)")
	case no:
		f.v.Password = presets.No
	case policy == "Federated" && d.asks(): // somebody said so
		f.v.Password = presets.Yes
	}
	return nil
}
