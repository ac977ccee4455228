package compare

import (
	"fmt"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// candidates are the profiles that may stand for the device, and why. There are
// several if the file does not tell the build.
func (k *known) candidates(name string) (list []dmclient.Profile, why string, err error) {
	if name != "" {
		p, err := dmclient.ProfileByName(name)
		return []dmclient.Profile{p}, "--profile names it", err
	}
	all := dmclient.Profiles()
	if k.build == 0 && !k.phone {
		for i := len(all) - 1; i >= 0; i-- { // of equals, the newest
			list = append(list, all[i])
		}
		return list, "the file does not tell the build; of all profiles this one has the fewest differences (--profile NAME chooses another)", nil
	}
	if k.phone {
		for _, p := range all {
			if p.Phone {
				return []dmclient.Profile{p}, fmt.Sprintf("the only profile of a phone (%s)", k.from), nil
			}
		}
	}
	var best dmclient.Profile
	for _, p := range all {
		if !p.Phone && (best.Name == "" || distance(p.Build, k.build) <= distance(best.Build, k.build)) {
			best = p
		}
	}
	why = fmt.Sprintf("the profile of build %d (%s)", k.build, k.from)
	if best.Build != k.build {
		why = fmt.Sprintf("build %d is nearest to %d (%s)", best.Build, k.build, k.from)
	}
	return []dmclient.Profile{best}, why, nil
}

func distance(a, b int) int { return max(a-b, b-a) }

// as gives a profile the values of the device's machine. What a build does stays as
// it is in the profile.
func (k *known) as(p dmclient.Profile) dmclient.Profile {
	set(&p.OSVersion, k.osVersion)
	set(&p.ApplicationVersion, k.applicationVersion)
	set(&p.OSEdition, k.osEdition)
	if k.build != 0 && !p.Phone && !k.phone {
		p.Build = k.build
	}
	if n := len(k.identity.MACs); n > 0 {
		p.Adapters = n
	}
	return p
}
