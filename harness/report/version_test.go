package report

import "testing"

// TestVersionOf: a release says its own version, a module its tag, and everything else
// says that it is none, with its commit.
func TestVersionOf(t *testing.T) {
	const commit = "89f9e2c0d1a2b3c4d5e6f708192a3b4c5d6e7f80"
	for _, c := range []struct {
		name, release string
		build         build
		want          string
	}{
		{"a release", "1.2.3", build{module: "v1.2.4-0.20261127093000-89f9e2c0d1a2", commit: commit}, "1.2.3"},
		{"a release, by its tag", "v1.2.3", build{}, "1.2.3"},
		{"go install of a tag", "", build{module: "v1.2.3"}, "1.2.3"},
		{"go install of a pre-release", "", build{module: "v1.2.3-rc.1"}, "1.2.3-rc.1"},
		{"a clone at a tag", "", build{module: "v1.2.3", commit: commit, changed: "false"}, "1.2.3"},
		{"a clone at a tag, changed", "", build{module: "v1.2.3+dirty", commit: commit, changed: "true"}, "devel-89f9e2c0d1a2-changed"},
		{"a clone without a tag", "", build{module: "v0.0.0-20261127093000-89f9e2c0d1a2", commit: commit, changed: "false"}, "devel-89f9e2c0d1a2"},
		{"a clone after a tag, changed", "", build{module: "v1.2.4-0.20261127093000-89f9e2c0d1a2+dirty", commit: commit, changed: "true"}, "devel-89f9e2c0d1a2-changed"},
		{"a clone after a pre-release", "", build{module: "v1.2.3-rc.1.0.20261127093000-89f9e2c0d1a2"}, "devel-89f9e2c0d1a2"},
		{"a test", "", build{module: "(devel)"}, "devel"},
		{"a source archive", "", build{}, "devel"},
	} {
		if got := version(c.release, c.build); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
