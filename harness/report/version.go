package report

import (
	"regexp"
	"runtime/debug"
	"strings"
)

// module is the path of this module, also where another program imports it.
const module = "github.com/dmwake/dmwake"

// release is the version of a released binary. The release sets it:
//
//	-ldflags "-X github.com/dmwake/dmwake/harness/report.release=1.2.3"
var release string

// Version of the tool, written into every report: that of the release, or of the module
// (go install ...@v1.2.3, and a clone at a tag), or "devel" with the commit.
var Version = version(release, built())

// build is what Go notes about a program: the version of this module in it, and the
// commit of a build in a clone. Each is empty where Go has not noted it.
type build struct{ module, commit, at, changed string }

// Commit is what Version was built from and when that was, as Go notes them in a build in
// a clone; empty for any other build. The commit says if files were changed since.
func Commit() (commit, at string) {
	b := built()
	if b.commit != "" && b.changed == "true" {
		b.commit += ", with changes"
	}
	return b.commit, b.at
}

func built() (b build) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == module {
			b.module = m.Version
		}
	}
	if info.Main.Path != module {
		return b // the commit is of the program that imports this module
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value
		case "vcs.time":
			b.at = s.Value
		case "vcs.modified":
			b.changed = s.Value
		}
	}
	return b
}

// pseudo is a version that Go makes up for a commit without a tag (Go Modules Reference,
// "Pseudo-versions"); the commit is at its end.
var pseudo = regexp.MustCompile(`^v[0-9]+\.(?:0\.0-|[0-9]+\.[0-9]+-(?:[^+]*\.)?0\.)[0-9]{14}-([0-9a-f]{12})`)

func version(release string, b build) string {
	if release != "" {
		return strings.TrimPrefix(release, "v")
	}
	of, dirty := b.commit, b.changed == "true" || strings.Contains(b.module, "+dirty")
	if made := pseudo.FindStringSubmatch(b.module); made != nil {
		of = made[1]
	} else if strings.HasPrefix(b.module, "v") && !dirty {
		return strings.TrimPrefix(b.module, "v")
	}
	out := "devel"
	if of != "" {
		out += "-" + of[:min(len(of), 12)]
	}
	if dirty {
		out += "-changed"
	}
	return out
}
