package suite

import (
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Newest goes on with devices of the target's newest profile, at the level that
// the rule has there: where the profile that the scenario names gets no further,
// the rule can still be judged. It is false where that is the profile already.
func (t *T) Newest() bool {
	allowed := t.target().Profiles
	name := allowed[len(allowed)-1]
	if t.target().Shared() || name == t.profile.Name {
		return false
	}
	p, err := dmclient.ProfileByName(name)
	if err != nil {
		t.Error("%v", err)
	}
	t.Evidence("looked at on %s, as the %s device got no channel", name, t.profile.Name)
	t.profile, t.result.Profile, t.result.Level = p, name, t.s.LevelOn(name)
	return true
}
