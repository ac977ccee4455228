package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The flags that several device commands have. Each command has those that make a
// difference to it, and no others.

// fileFlag is the file of the devices.
func (f *deviceFlags) fileFlag(fl *pflag.FlagSet) {
	fl.StringVar(&f.state, "state", filepath.Join(".dmwake", "devices.db"), "file that holds the devices")
}

// treeFlags are the file, and which CSPs its devices have.
func (f *deviceFlags) treeFlags(fl *pflag.FlagSet) {
	f.fileFlag(fl)
	fl.StringVar(&f.config, "config", "", "configuration file of the target")
	ddfFlag(fl, &f.ddf)
}

// serverFlags are treeFlags, and how the devices reach their server.
func (f *deviceFlags) serverFlags(fl *pflag.FlagSet) {
	f.treeFlags(fl)
	fl.StringVar(&f.discovery, "discovery", "", "URL of the server's discovery service (default: from the user's domain)")
	fl.StringVar(&f.username, "username", "", "user that enrolls; the password is in DMWAKE_PASSWORD")
	fl.StringVar(&f.ca, "ca", "", "PEM file of the CA that signed the server's certificate")
	fl.StringVar(&f.connect, "connect", "", "host:port to connect to, whatever the URLs name")
}

// quirkFlag is in what a profile differs.
func (f *deviceFlags) quirkFlag(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.quirks, "quirk", nil, "switch a quirk on, or off by -NAME; repeatable, dmwake device quirks lists them")
}

// unknownFlag is --accept-unknown.
func (f *deviceFlags) unknownFlag(fl *pflag.FlagSet) {
	fl.BoolVar(&f.acceptUnknown, "accept-unknown", false, "accept commands for CSPs that are not simulated, instead of answering 404")
}

// sessionFlags are the flags of commands that run sessions.
func (f *deviceFlags) sessionFlags(c *cobra.Command) {
	fl := c.Flags()
	f.serverFlags(fl)
	fl.BoolVar(&f.allowHTTP, "allow-http", false, "send credentials to services on plain http that the server names, which Windows refuses")
	f.quirkFlag(fl)
	f.unknownFlag(fl)
	fl.StringArrayVar(&f.faults, "fault", nil, "make the devices misbehave, NAME or NAME=ARGUMENT; repeatable, dmwake device faults lists them")
	tokenKindFlag(c, &f.tokenKind)
	quietFlag(fl, &f.quiet, "print only results and problems")
	verboseFlag(fl, &f.verbose, "print every message")
	oneLoudness(c)
	fl.BoolVar(&f.reveal, "reveal", false, "with --verbose: show secrets, too")
}
