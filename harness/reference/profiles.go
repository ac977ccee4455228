package reference

import (
	"strings"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// profiles is the page of the simulated versions of Windows.
func profiles() *page {
	p := begin("profiles.md", "Profiles", "every simulated version of Windows")
	p.f("Versions of Windows that dmwake simulates: `target.profiles`, `--profile`. Default: %s. What each rests on: [fidelity](../fidelity.md).\n", strings.Join(target.DefaultProfiles(), ", "))
	for _, w := range dmclient.Profiles() {
		p.heading(2, w.Name, "profile", w.Platform+", "+w.OSVersion)
		p.head("", "")
		p.fact("simulates", w.Platform)
		p.fact("OSVersion", w.OSVersion)
		p.fact("ApplicationVersion", w.ApplicationVersion)
		p.fact("RequestVersion", w.RequestVersion)
		p.fact("DeviceType", w.DeviceType)
		p.fact("OSEdition", w.OSEdition)
		p.fact("AuthPolicies", strings.Join(w.AuthPolicies, ", "))
		p.fact("context of the RST", strings.Join(w.Context, ", "))
		p.fact("User-Agent of sessions", code(w.UserAgent))
		p.fact("DmV", w.DmV)
		p.fact("SyncApplicationVersion, at most", w.MaxSyncVersion)
		p.fact("quirks", list(w.Quirks.Active(), toQuirk))
	}
	return p
}

func toProfile(name string) string { return link(name, "profiles.md#"+slug(name)) }
