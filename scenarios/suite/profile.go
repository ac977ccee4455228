package suite

// Newest continues with devices of the target's newest profile, at the rule's level
// there: if the scenario's own profile gets no further, the rule can still be
// judged. It returns false if the scenario already uses that profile.
func (t *T) Newest() bool {
	allowed := t.target().Profiles
	name := allowed[len(allowed)-1]
	if t.target().Shared() || name == t.profile.Name {
		return false
	}
	p, err := t.target().Profile(name)
	if err != nil {
		t.Error("%v", err)
	}
	t.Evidence("judged on %s, since the %s device got no channel", name, t.profile.Name)
	t.profile, t.result.Profile, t.result.Level, t.result.Rule = p, name, t.s.LevelOn(name), t.s.RuleOn(name)
	return true
}
