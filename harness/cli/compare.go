package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/compare"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/wording"
)

func compareCommand(s *streams, f *deviceFlags) *cobra.Command {
	var o compare.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "compare FILE",
		Short: "Hold a real Windows device against the simulated one, and list the differences",
		Long: `Reads what a real device sent: a recording of "dmwake mdm --record DIR", a log with
the messages in it, or one message. A simulated device of the same build takes the
same identity and plays the same part, with the recorded answers of the server. For
each difference it says what Windows sends, what the simulated device sends, and what
that means. It needs no server.

Exit codes: 0 nothing differs, 1 something differs, 2 the file cannot be used.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("dmwake device compare takes one file, but got %d", len(args)))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			o.Quirks, o.AcceptUnknown = f.quirks, f.acceptUnknown
			known := target.CSP{DDF: f.ddf}
			var err error
			if o.DDF, err = known.Base(); err != nil {
				return usage(err)
			}
			file, err := compare.Read(args[0])
			if err != nil {
				return usage(err)
			}
			results, err := compare.Run(c.Context(), file, o)
			switch {
			case c.Context().Err() != nil:
				return &exitError{exitInterrupted, errors.New("interrupted")}
			case err != nil:
				return usage(err)
			case asJSON:
				err = s.compareJSON(file, results)
			default:
				s.compareText(file, results)
			}
			if err != nil {
				return err
			}
			for _, r := range results {
				if !r.Same() {
					return &exitError{exitFailed, errSilent}
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&o.Profile, "profile", "", "profile of the simulated device (default: the nearest to the real one's build)")
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	f.quirkFlag(c.Flags())
	f.unknownFlag(c.Flags())
	ddfFlag(c.Flags(), &f.ddf)
	return c
}

func (s *streams) compareJSON(f *compare.File, results []*compare.Result) error {
	enc := json.NewEncoder(s.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Dmwake  string            `json:"dmwake"`
		Notes   []string          `json:"notes"`
		Devices []*compare.Result `json:"devices"`
	}{report.Version, append([]string{}, f.Notes...), results})
}

func (s *streams) compareText(f *compare.File, results []*compare.Result) {
	for _, n := range f.Notes {
		say(s.out, "note: %s\n", n)
	}
	for i, r := range results {
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		name := r.Device
		if name == "" {
			name = "(its DeviceID is not in the file)"
		}
		say(s.out, "device %s, compared with profile %s: %s\n", name, r.Profile, r.ProfileWhy)
		for _, n := range r.Notes {
			say(s.out, "note: %s\n", n)
		}
		var kind compare.DiffKind
		for k := range r.Differences {
			d := &r.Differences[k]
			if d.Kind != kind {
				kind = d.Kind
				say(s.out, "\n%s\n", kind)
			}
			about := ""
			if d.Command != "" {
				about = ", " + d.Command
			}
			again := ""
			if len(d.Again) > 0 {
				again = ", and in " + wording.Count(len(d.Again), "other message")
			}
			say(s.out, "  %s (message %d of the device in the file)%s%s\n    at         %s\n    Windows    %s\n    simulated  %s\n    means      %s\n",
				d.What, d.Message, again, about, d.Path, oneLine(d.Real), oneLine(d.Simulated), d.Means)
		}
		if len(r.Differences) > 0 {
			fmt.Fprintln(s.out)
		}
		for _, k := range r.Skipped {
			say(s.out, "not counted: %s (%d)\n", k.Kind, k.Count)
		}
		say(s.out, "%d of %d messages are equal, %d of %d byte for byte; %s\n", r.Equal, r.Messages, r.Bytes, r.ByteMessages, wording.Count(len(r.Differences), "difference"))
	}
}

// oneLine shows a value in one line.
func oneLine(v string) string { return strings.NewReplacer("\r", "", "\n", " ").Replace(v) }
