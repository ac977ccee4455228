package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/report"
)

func versionCommand(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit it was built from, and the Go version",
		Long: `Prints the version, the commit that this program was built from, and the version
of Go. A program that was built from changed files says so.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			say(s.out, "dmwake %s\n", report.Version)
			if commit, at := builtFrom(); commit != "" {
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

// builtFrom is the commit of this program and its time, as Go notes them in a build in a
// clone; empty if it was built elsewhere.
func builtFrom() (commit, at string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", ""
	}
	changed := false
	for _, v := range info.Settings {
		switch v.Key {
		case "vcs.revision":
			commit = v.Value
		case "vcs.time":
			at = v.Value
		case "vcs.modified":
			changed = v.Value == "true"
		}
	}
	if commit != "" && changed {
		commit += ", with changes"
	}
	return commit, at
}
