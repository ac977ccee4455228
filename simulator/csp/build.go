package csp

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Build is a Windows build, 10.0.22621.1928: Number 22621, Revision 1928.
type Build struct {
	Number   int
	Revision int // 0 if the DDF names none
}

// unreleased is the first number that stands for no build: files have 99.9.99999,
// 99.9.9999 and 88.8.88888, also on nodes that are documented and in use.
const unreleased = 88888

// placeholder is what an OsBuildVersion with another major version becomes.
var placeholder = Build{Number: 99999}

// Released reports whether the build is one that Windows can have.
func (b Build) Released() bool { return b.Number > 0 && b.Number < unreleased }

// ParseBuild reads "22631", "22631.2506" and "10.0.22631.2506".
func ParseBuild(s string) (b Build, err error) {
	parts := strings.Split(strings.TrimSpace(s), ".")
	if len(parts) > 2 {
		if parts[0] != "10" || parts[1] != "0" {
			if _, err := strconv.Atoi(parts[2]); err == nil && len(parts) == 3 {
				return placeholder, nil
			}
			return b, fmt.Errorf("build %q is not of the form 22631, 22631.2506 or 10.0.22631.2506", s)
		}
		parts = parts[2:]
	}
	b.Number, err = strconv.Atoi(parts[0])
	if err == nil && len(parts) == 2 {
		b.Revision, err = strconv.Atoi(parts[1])
	}
	if err != nil || len(parts) > 2 || b.Number <= 0 || b.Revision < 0 {
		return Build{}, fmt.Errorf("build %q is not of the form 22631, 22631.2506 or 10.0.22631.2506", s)
	}
	return b, nil
}

func (b Build) String() string {
	switch {
	case !b.Released():
		return "no released build"
	case b.Revision > 0:
		return fmt.Sprintf("%d.%d", b.Number, b.Revision)
	}
	return strconv.Itoa(b.Number)
}

// MarshalText writes 22621.1928.
func (b Build) MarshalText() ([]byte, error) {
	if !b.Released() {
		return []byte("99.9.99999"), nil
	}
	return []byte(b.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (b *Build) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBuild(string(text))
	return err
}

// Presence says whether a build has a node.
type Presence int

// A node's presence. Unsaid: the DDF names earlier and later builds, but not this one
// or its siblings, or it names none that was released.
const (
	Has Presence = iota
	Lacks
	Unsaid
)

// family is the first build of those that share one servicing branch: an update of
// one has the same revision for all (Windows 10 2004 to 22H2, Windows 11 22H2 and
// 23H2, 24H2 and 25H2).
func family(number int) int {
	for _, f := range [][2]int{{18362, 18363}, {19041, 19045}, {22621, 22631}, {26100, 26200}} {
		if number >= f[0] && number <= f[1] {
			return f[0]
		}
	}
	return number
}

// Builds are the builds that have a node, as DDF v2 lists them
// (Applicability/OsBuildVersion).
type Builds []Build

// On says whether a build has the node. A build without a revision stands for one
// with all its updates. The highest build that a DDF names is the one from which all
// later ones have the node; the others are backports, which their siblings share.
func (l Builds) On(b Build) Presence {
	var list []Build
	for _, k := range l {
		if k.Released() {
			list = append(list, k)
		}
	}
	if len(list) == 0 {
		return Unsaid
	}
	slices.SortFunc(list, func(x, y Build) int {
		return cmp.Or(cmp.Compare(x.Number, y.Number), cmp.Compare(x.Revision, y.Revision))
	})
	at := -1
	for i := range list {
		if list[i].Number <= b.Number {
			at = i
		}
	}
	if at < 0 {
		return Lacks
	}
	reached := list[at]
	switch {
	case reached.Number == b.Number, family(reached.Number) == family(b.Number) && reached.Revision > 0:
		if b.Revision > 0 && b.Revision < reached.Revision {
			return Lacks
		}
		return Has
	case at == len(list)-1, reached.Revision == 0:
		return Has
	}
	return Unsaid
}

// String lists the builds as a person reads them.
func (l Builds) String() string {
	var out []string
	for _, b := range l {
		out = append(out, b.String())
	}
	return strings.Join(out, ", ")
}

// Before compares two builds; one without a revision has all updates.
func (b Build) Before(o Build) bool {
	return b.Number < o.Number || b.Number == o.Number && b.Revision > 0 && b.Revision < o.Revision
}
