package cli

import (
	"bufio"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
	"golang.org/x/term"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

type initFlags struct {
	file, discovery, username, ca, mode string
	queue, push, lookup                 string
	pfn, sid                            string
	profile                             string // as the server answered
	none, force                         bool
}

func initCommand(s *streams) *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a dmwake.yaml for your server",
		Long: `Writes dmwake.yaml for your server, from flags, or on a terminal from your answers
to a few questions. It does not ask for passwords and secrets: the file names the
environment variables that hold them. It asks the server for the newest Windows that
it takes. "dmwake doctor" then checks the file against the server.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			in := io.Reader(nil)
			if term.IsTerminal(int(os.Stdin.Fd())) && c.Flags().NFlag() == 0 {
				in = os.Stdin
			}
			return runInit(c.Context(), s, &f, in)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.file, "file", "dmwake.yaml", "file to write")
	fl.StringVar(&f.discovery, "discovery", "", "URL of the discovery service (default: from the user's domain)")
	fl.StringVar(&f.username, "username", "", "user who enrolls devices, an e-mail address")
	fl.StringVar(&f.ca, "ca", "", "PEM file of the CA that signed the server's certificate (default: the system's)")
	fl.StringVar(&f.mode, "wns", "proxy", "how the server reaches the fake WNS: proxy, hosts or direct")
	fl.StringVar(&f.queue, "queue-url", "", "URL of your server's API that queues a command for a device; {{.DeviceID}} stands for its id")
	fl.StringVar(&f.push, "push-url", "", "URL of your server's API that pushes to a device")
	fl.StringVar(&f.lookup, "lookup-url", "", "URL that answers with the server's own id of a device, if the others use {{.ServerID}}")
	fl.StringVar(&f.pfn, "pfn", "", "package family name that your server sets (default: the lab's)")
	fl.StringVar(&f.sid, "sid", "", "Package SID of your server's app (default: the lab's)")
	fl.BoolVar(&f.none, "no-push", false, "the server has no WNS push")
	fl.BoolVar(&f.force, "force", false, "replace an existing file")
	return c
}

// question asks for the value of a flag.
type question struct {
	flag, text string
	to         *string
	check      func(string) error
	when       func() bool // nil: always
}

// questions are asked in this order; later checks may depend on earlier answers.
func (f *initFlags) questions() []question {
	return []question{
		{"--username", "User who enrolls devices (e-mail address)", &f.username, func(v string) error {
			if v == "" {
				return errors.New("is missing: the user who enrolls devices; dmwake init asks for it on a terminal")
			}
			return nil
		}, nil},
		{"--discovery", "Discovery URL (empty: from the user's domain)", &f.discovery, f.checkDiscovery, nil},
		{"--ca", "PEM file of the CA that signed the server's certificate (empty: the system's)", &f.ca, f.checkCA, nil},
		{"--queue-url", "URL that queues a command for a device ({{.DeviceID}} stands for its id; empty: later)", &f.queue, checkHookURL, nil},
		{"--push-url", "URL that pushes to a device (empty: later)", &f.push, checkHookURL, func() bool { return !f.none }},
		{"--lookup-url", "URL that answers with the server's own id of a device, for {{.ServerID}}", &f.lookup, f.checkLookup, f.needsLookup},
		{"--pfn", "Package family name that the server sets (empty: the lab's)", &f.pfn, func(v string) error { return checkApp(v, "") }, nil},
		{"--sid", "Package SID of its app (empty: the lab's)", &f.sid, func(v string) error { return checkApp("", v) }, nil},
	}
}

func (f *initFlags) checkDiscovery(v string) error {
	if v == "" {
		if _, err := enroll.DiscoveryURL(f.username); err != nil {
			return fmt.Errorf("is missing, and it does not follow from the user: %w", err)
		}
		return nil
	}
	if u, err := url.Parse(v); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not an https URL", target.Redact(v))
	}
	return nil
}

// checkCA accepts a file that does not exist yet.
func (f *initFlags) checkCA(v string) error {
	_, err := f.roots(v)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// roots reads the CA file, which is relative to the configuration file.
func (f *initFlags) roots(ca string) (*x509.CertPool, error) {
	if ca != "" && !filepath.IsAbs(ca) {
		ca = filepath.Join(filepath.Dir(f.file), ca)
	}
	return (&target.Config{Target: target.Target{CA: ca}}).Roots()
}

func checkHookURL(v string) error {
	if v == "" {
		return nil
	}
	return target.CheckURL(v)
}

func (f *initFlags) needsLookup() bool {
	return target.UsesServerID(f.queue) || target.UsesServerID(f.push)
}

func (f *initFlags) checkLookup(v string) error {
	switch {
	case v == "" && f.needsLookup():
		return errors.New("is missing: another URL uses {{.ServerID}}")
	case target.UsesServerID(v):
		return errors.New("cannot use {{.ServerID}}, which it is to find")
	}
	return checkHookURL(v)
}

// checkApp checks the app as the fake WNS does.
func checkApp(pfn, sid string) error {
	app := fakewns.DefaultApp
	app.PFN, app.PackageSID = cmp.Or(pfn, app.PFN), cmp.Or(sid, app.PackageSID)
	return fakewns.New(fakewns.Config{}).SetApps([]fakewns.App{app})
}

// ask asks all questions. A wrong answer is asked for again, and the others stay; an
// empty answer keeps the value in brackets.
func (f *initFlags) ask(s *streams, in io.Reader) error {
	answers := bufio.NewScanner(in)
	for _, q := range f.questions() {
		for q.when == nil || q.when() {
			known := ""
			if *q.to != "" {
				known = " [" + target.Redact(*q.to) + "]"
			}
			fmt.Fprintf(s.out, "%s%s: ", q.text, known)
			if !answers.Scan() {
				return usage(errors.New("no answer; nothing was written"))
			}
			before := *q.to
			if v := strings.TrimSpace(answers.Text()); v != "" {
				*q.to = v
			}
			err := q.check(*q.to)
			if err == nil {
				break
			}
			*q.to = before
			fmt.Fprintf(s.out, "  %s\n", target.Redact(err.Error()))
		}
	}
	return nil
}

// check returns everything that is wrong with the flags, a line for each.
func (f *initFlags) check() error {
	var wrong []error
	for _, q := range f.questions() {
		if q.when != nil && !q.when() && *q.to == "" {
			continue
		}
		if err := q.check(*q.to); err != nil {
			wrong = append(wrong, fmt.Errorf("%s %w", q.flag, err))
		}
	}
	return errors.Join(wrong...)
}

func runInit(ctx context.Context, s *streams, f *initFlags, in io.Reader) error {
	if _, err := os.Stat(f.file); err == nil && !f.force {
		return usage(fmt.Errorf("%s already exists; --force replaces it, --file names another", f.file))
	}
	if in != nil {
		if err := f.ask(s, in); err != nil {
			return err
		}
	}
	if err := f.check(); err != nil {
		return usage(err)
	}
	text := f.text()
	if err := checkText(f.file, text); err != nil {
		return usage(err)
	}
	var unasked error
	if f.profile, unasked = f.newest(ctx); unasked == nil {
		text = f.text()
	}
	if err := os.WriteFile(f.file, []byte(text), 0o600); err != nil {
		return usage(err)
	}
	if unasked != nil {
		fmt.Fprintf(s.out, "Could not ask the server which Windows it takes, so target.profiles keeps its default: %s\n", target.Redact(unasked.Error()))
	} else {
		fmt.Fprintf(s.out, "The newest Windows that the server takes is %s.\n", f.profile)
	}
	fmt.Fprintf(s.out, "Wrote %s. Next:\n  export MDM_PASSWORD=...\n  dmwake test --config %s --print-env   # what your server needs in its environment\n  dmwake doctor --config %s             # check it step by step\n  dmwake test --config %s\n", f.file, f.file, f.file, f.file)
	return nil
}

// askTime limits how long init waits for the server.
const askTime = 15 * time.Second

// newest asks the server for the newest profile that it takes. That needs no
// password.
func (f *initFlags) newest(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	roots, err := f.roots(f.ca)
	if err != nil {
		return "", err
	}
	return lab.NewestProfile(ctx, dmclient.Config{Discovery: f.discovery, Username: f.username, Roots: roots, Timeout: askTime})
}

// quoted returns any string as a YAML scalar that stands in any place: a plain one
// with braces or colons would not, in {url: ...}.
func quoted(s string) string {
	style := yaml.SingleQuotedStyle
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		style = yaml.DoubleQuotedStyle
	}
	b, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: style})
	if err != nil {
		return `""`
	}
	return strings.TrimRight(string(b), "\n")
}

func (f *initFlags) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# What dmwake needs to know about your server. All keys: README, \"Your own server\". Hooks: harness/docs/hooks.md.")
	line("target:")
	if f.discovery != "" {
		line("  discovery: %s", quoted(f.discovery))
	}
	if f.ca != "" {
		line("  ca: %s", quoted(f.ca))
	}
	line("  username: %s", quoted(f.username))
	line("  password: {env: MDM_PASSWORD}    # leave the line out if the server's sign-in page asks for no password")
	if f.profile != "" {
		line("  profiles: [%s]    # the newest Windows that the server takes; older ones can stand before it", f.profile)
	}
	if f.none {
		line("  push: none")
	}
	line("  hooks:")
	if f.queue != "" {
		line("    queue:\n      http:\n        url: %s\n        headers: {Content-Type: application/json}", quoted(f.queue))
		line(`        body: '{"verb":{{json .Verb}},"locURI":{{json .LocURI}},"format":{{json .Format}},"data":{{json .Data}}}'`)
	} else {
		line("    # queue: {exec: [./queue.sh, '{{.DeviceID}}', '{{.Verb}}', '{{.LocURI}}', '{{.Format}}', '{{.Data}}']}")
	}
	switch {
	case f.none:
	case f.push != "":
		line("    push: {http: {url: %s}}", quoted(f.push))
	default:
		line("    # push: {exec: [./push.sh, '{{.DeviceID}}']}")
	}
	if f.lookup != "" {
		line("    lookup: {http: {method: GET, url: %s}}", quoted(f.lookup))
	}
	line("    # active: {exec: [./list-devices.sh]}      # prints the DeviceIDs of managed devices")
	line("    # unenroll: {exec: [./unenroll.sh, '{{.DeviceID}}']}")
	line("    # restart: {exec: [docker, restart, mdm]}")
	line("wns:\n  mode: %s", quoted(f.mode))
	if f.pfn != "" || f.sid != "" {
		sid := f.sid
		if sid == "" {
			sid = fakewns.DefaultApp.PackageSID
		}
		line("  app: {pfn: %s, sid: %s, secret: {env: WNS_SECRET}}", quoted(f.pfn), quoted(sid))
	}
	return b.String()
}

// checkText rejects a text that could not be loaded again, except for secrets that
// are not set yet.
func checkText(file, text string) error {
	tmp, err := os.CreateTemp("", "dmwake-*.yaml")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.WriteString(text); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	err = target.Check(tmp.Name())
	var c *target.ConfigError
	if errors.As(err, &c) {
		return &target.ConfigError{Where: file, What: c.What}
	}
	return err
}
