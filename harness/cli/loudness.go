package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// How much a command says. By default: a line for each event, or a display of them on a
// terminal, and then the results. With -q only results and problems, with -v also what is
// otherwise left out, such as every message.

func quietFlag(fl *pflag.FlagSet, v *bool, does string) { fl.BoolVarP(v, "quiet", "q", false, does) }

func verboseFlag(fl *pflag.FlagSet, v *bool, does string) {
	fl.BoolVarP(v, "verbose", "v", false, does)
}

// oneLoudness refuses both flags at once.
func oneLoudness(c *cobra.Command) { exclude(c, "quiet", "verbose") }

// exclude refuses two flags of c at once.
func exclude(c *cobra.Command, one, other string) {
	before := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if fl := c.Flags(); fl.Changed(one) && fl.Changed(other) {
			return usage(fmt.Errorf("--%s and --%s exclude each other", one, other))
		}
		if before == nil {
			return nil
		}
		return before(c, args)
	}
}

// Colours, by what they say.
const (
	green  = "32"
	red    = "31"
	yellow = "33"
	gray   = "90"
	bold   = "1"
)

// painter colours text for a terminal, if colours are wanted there.
type painter bool

func (p painter) paint(code, text string) string {
	if !p || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
