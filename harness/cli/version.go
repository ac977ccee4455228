package cli

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/report"
)

func versionCommand(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit it was built from, and the Go version",
		Long: `Prints the version, the commit that this program was built from, and the version
of Go. A program that is no release has the version devel, with the commit; one that
was built from changed files says so.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			say(s.out, "dmwake %s\n", report.Version)
			if commit, at := report.Commit(); commit != "" {
				say(s.out, "commit  %s\n", commit)
				if at != "" {
					say(s.out, "of      %s\n", at)
				}
			}
			say(s.out, "go      %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
