package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// FlagGroup is a part of a command's flags, as its help shows them.
type FlagGroup struct {
	Title string
	Flags *pflag.FlagSet
}

// groupOf is the annotation of a flag with the title of its group.
const groupOf = "dmwake_group"

// titled is a group in grouped: the names of its flags.
type titled struct{ title, flags string }

// The groups that several commands have.
var (
	wnsGroup    = titled{"The fake WNS", "wns wns-listen proxy ca-dir"}
	appGroup    = titled{"The server's app", "pfn sid app-kind tenant client-id"}
	serverGroup = titled{"Devices and server", "state config discovery username ca connect allow-http"}
	behaveGroup = titled{"How devices behave", "fault quirk accept-unknown entra-token ddf"}
	outputGroup = titled{"Output", "quiet verbose reveal"}
)

// grouped are the groups of flags in the help of commands with many, by command. A flag
// that is in none comes last. A test finds those that lack one.
var grouped = map[string][]titled{
	"dmwake test": {
		{"The server", "config mutant print-env"},
		{"What runs", "only area only-passive list"},
		{"How it runs", "parallel budget seed ddf"},
		{"What fails the run", "strict fail-on baseline write-baseline"},
		{"Output", "json junit html trace reveal annotations quiet verbose"},
	},
	"dmwake init": {
		{"The file", "file force"},
		{"The server", "preset list-presets server discovery admin ca"},
		{"How devices enroll", "username no-password profile cert key"},
		{"A fake Entra", "directory tenant audience client-id"},
		{"What the server can do (hooks)", "no-push queue-url work-url push-url lookup-url enrolled-url wipe-url unenroll-url active-url restart"},
		{"The fake WNS", "wns wns-listen proxy pfn sid"},
	},
	"dmwake mdm": {
		{"Addresses", "listen admin url ready ca-dir"},
		{"How devices enroll", "username auth-policy enroll-ca linked-enrollment"},
		{"Tokens of a directory", "entra-keys entra-issuer entra-tenant entra-audience entra-client-id"},
		{"Sessions", "session-auth encoding max-msg-size chunk-size require-signing"},
		{"Push", "wns channel-host pfn sid"},
		{"Broken or different on purpose", "mutant variant list-mutants"},
		{"Output", "record reveal verbose"},
	},
	"dmwake lab": {
		wnsGroup, appGroup,
		{"What it refuses and breaks", "allow fault list-faults app-rate channel-rate seed"},
		{"Control API and devices", "control config ddf state ready"},
		{"Output", "quiet verbose"},
	},
	"dmwake push": {
		{"Where to", "channel device control real"},
		{"The notification", "type payload payload-file cache-policy ttl header"},
		wnsGroup, appGroup,
		{"Output", "timeout reveal"},
	},
	"dmwake load": {
		{"The server", "config mutant"},
		{"The devices", "devices state profile key key-pool offline resident ddf seed"},
		{"What they do", "plan rate storm who poisson work sender poll enroll-rate login-rate checkin-storm"},
		{"When", "duration warmup drain speed start"},
		{"This machine", "workers curve share"},
		{"Search for the capacity", "find find-devices every find-from find-to step"},
		{"The server's side", "pid container scrape series trace-headers"},
		{"Output", "expect json html metrics console dry-run quiet"},
	},
	"dmwake load compare-delivery": {
		{"The server", "config pid container"},
		{"The devices", "devices profile key key-pool ddf seed"},
		{"The work", "work work-rate sender"},
		{"When", "fast slow hours speed drain"},
		{"This machine", "workers"},
		{"Output", "json html markdown quiet"},
	},
	"dmwake device enroll": {
		{"Which devices", "count profile name hwdevid serial seed quirk again resume"},
		serverGroup,
		{"How they enroll", "type key key-pool plain-csr cert cert-key attestation no-sync"},
		{"A fake directory", "entra entra-tenant entra-audience entra-token terms refuse-terms"},
		{"How they behave", "fault accept-unknown ddf"},
		outputGroup,
	},
	"dmwake device adopt": {
		{"The device", "server provider-id cert key device-id enrollment-url profile quirk ddf"},
		{"Where it is kept, and how it reaches its server", "state config discovery username ca connect"},
	},
	"dmwake device sync":     {serverGroup, behaveGroup, outputGroup},
	"dmwake device unenroll": {{"Which devices", "all forget"}, serverGroup, behaveGroup, outputGroup},
	"dmwake device run":      {serverGroup, behaveGroup, {wnsGroup.title, "link " + wnsGroup.flags}, appGroup, {"Output", "duration quiet verbose reveal"}},
}

// groupFlags notes at each flag the group that it is in.
func groupFlags(c *cobra.Command) {
	for _, g := range grouped[c.CommandPath()] {
		for name := range strings.FieldsSeq(g.flags) {
			if f := c.Flags().Lookup(name); f != nil {
				//nolint:errcheck // the flag is there
				c.Flags().SetAnnotation(name, groupOf, []string{g.title})
			}
		}
	}
	for _, k := range c.Commands() {
		groupFlags(k)
	}
}

// FlagGroups are the flags of a command that its help shows, in groups. A command with
// few flags has one, without a title.
func FlagGroups(c *cobra.Command) (groups []FlagGroup) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.AddFlagSet(c.LocalFlags())
	all.AddFlagSet(c.InheritedFlags())
	of := func(title string) FlagGroup {
		g := FlagGroup{title, pflag.NewFlagSet("", pflag.ContinueOnError)}
		all.VisitAll(func(f *pflag.Flag) {
			in := ""
			if a := f.Annotations[groupOf]; len(a) > 0 {
				in = a[0]
			}
			if in == title && !f.Hidden {
				g.Flags.AddFlag(f)
			}
		})
		return g
	}
	for _, g := range grouped[c.CommandPath()] {
		groups = append(groups, of(g.title))
	}
	if rest := of(""); rest.Flags.HasFlags() {
		groups = append(groups, rest)
	}
	return groups
}

// usageOf writes how a command is used: cobra's own text, with flags in groups.
func usageOf(c *cobra.Command) error {
	w := c.OutOrStderr()
	fmt.Fprint(w, "Usage:")
	if c.Runnable() && c.Annotations[onlyCommands] == "" {
		fmt.Fprintf(w, "\n  %s", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n  %s [command]", c.CommandPath())
	}
	if c.HasExample() {
		fmt.Fprintf(w, "\n\nExamples:\n%s", c.Example)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprint(w, "\n\nCommands:")
		for _, k := range c.Commands() {
			if k.IsAvailableCommand() || k.Name() == "help" {
				fmt.Fprintf(w, "\n  %-*s %s", k.NamePadding(), k.Name(), k.Short)
			}
		}
	}
	fmt.Fprintln(w)
	usageOfFlags(w, c)
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n\"%s COMMAND --help\" tells more about a command.\n", c.CommandPath())
	}
	return nil
}

func usageOfFlags(w io.Writer, c *cobra.Command) {
	groups := FlagGroups(c)
	for _, g := range groups {
		title := g.Title
		switch {
		case title != "":
		case len(groups) > 1:
			title = "Other"
		default:
			title = "Flags"
		}
		fmt.Fprintf(w, "\n%s:\n%s\n", title, strings.TrimRight(g.Flags.FlagUsages(), " \n"))
	}
}
