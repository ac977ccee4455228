package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/paste"
	"github.com/dmwake/dmwake/harness/reading"
)

type readFlags struct {
	json, anonymize, verbose bool
}

func readCommand(s *streams) *cobra.Command {
	var f readFlags
	c := &cobra.Command{
		Use:   "read FILE",
		Short: "Say what a pasted log tells: who said what, which command failed, what is wrong",
		Long: `Reads a log as people paste it, without any server: a Windows event log
(DeviceManagement-Enterprise-Diagnostics-Provider, as text, CSV or XML), an MDMDiagReport,
a trace of SyncML Viewer, lines of a server's log. The messages in it may be escaped (XML,
JSON, strings of Go and Java), URL-encoded or in base64; each line may have a prefix; lines
may be wrapped; the text may be UTF-16; messages may be cut or missing. No flag says which.

It prints each session: who said what, and which command got which Status. Then it says
which rules the server's messages break, by the scenarios of "dmwake test", and which codes
"dmwake explain" knows more about. "-" reads standard input.

--anonymize writes the log itself, in its own shape, with other names, ids, addresses,
tokens and values in it, so that you can show it to others. The same name becomes the same
other name, of the same length. Read it once before you publish it.

Exit codes: 0 the log was read, 2 it could not be read.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("dmwake read takes one file, or - for standard input, but got %d", len(args)))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return runRead(s, &f, args[0], os.Stdin) },
	}
	fl := c.Flags()
	fl.BoolVar(&f.json, "json", false, "print the findings as JSON")
	fl.BoolVar(&f.anonymize, "anonymize", false, "write the log with personal details replaced, instead of the findings")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "also print events of success that follow each other, and values in full")
	exclude(c, "json", "anonymize")
	return c
}

func runRead(s *streams, f *readFlags, path string, stdin io.Reader) error {
	text, err := paste.Load(path, stdin)
	if err != nil {
		return usage(err)
	}
	name := path
	if path == "-" {
		name = "standard input"
	}
	if f.anonymize {
		out, err := paste.Anonymize(text)
		if err != nil {
			return usage(fmt.Errorf("%s: %w", name, err))
		}
		to := raw(s.out) // the file's own bytes, except for a person
		if screenOf(to) != nil {
			to = s.out
		}
		_, err = to.Write(out)
		return err
	}
	found, err := reading.Read(text)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", name, err))
	}
	redactFindings(found)
	if f.json {
		enc := json.NewEncoder(s.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(found)
	}
	s.findings(name, found, f.verbose)
	return nil
}
