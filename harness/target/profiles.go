package target

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/nearest"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// DefaultProfiles are the profiles of a target that names none: current Windows,
// the newest last.
func DefaultProfiles() []string {
	return []string{dmclient.Win11v24H2().Name, dmclient.Win11v25H2().Name}
}

// Profile is a Windows with the target's quirks.
func (t *Target) Profile(name string) (dmclient.Profile, error) {
	p, err := dmclient.ProfileByName(name)
	if err != nil {
		return p, err
	}
	for _, q := range t.Quirks {
		if err := p.SetQuirk(q); err != nil {
			return p, fmt.Errorf("target.quirks: %w", err)
		}
	}
	return p, nil
}

// checkQuirks names the quirk that a misspelt one most likely means.
func (t *Target) checkQuirks() error {
	var known []string
	for _, q := range dmclient.QuirkList() {
		known = append(known, q.Name)
	}
	for _, q := range t.Quirks {
		name := strings.TrimPrefix(q, "-")
		if slices.Contains(known, name) {
			continue
		}
		if near := nearest.Of(name, known); near != "" {
			return fmt.Errorf("target.quirks: unknown quirk %q; did you mean %q?", name, near)
		}
		return fmt.Errorf("target.quirks: unknown quirk %q; dmwake device quirks lists them", name)
	}
	return nil
}

// ChoseProfiles reports whether the configuration names profiles.
func (t *Target) ChoseProfiles() bool { return len(t.Profiles) > 0 && !t.anyProfile }

// Older is the profile to try after one that is too new for the server: the one
// before it in Profiles, or the next older desktop if Profiles was not set. It is
// empty if there is none.
func (t *Target) Older(name string) string {
	list := t.Profiles
	if t.anyProfile {
		list = nil
		for _, p := range dmclient.Profiles() {
			if !p.Phone {
				list = append(list, p.Name)
			}
		}
	}
	if i := slices.Index(list, name); i > 0 {
		return list[i-1]
	}
	return ""
}

// Image is the part of an identity that machines cloned from one image share. An
// empty value leaves each device its own.
type Image struct {
	Name    string `yaml:"name"`
	HWDevID string `yaml:"hwdevid"`
	Serial  string `yaml:"serial"` // of the firmware (SMBIOS)
}

// Apply sets an identity's values.
func (i *Image) Apply(id *dmclient.Identity) {
	for to, v := range map[*string]string{&id.Name: i.Name, &id.HWDevID: i.HWDevID, &id.Serial: i.Serial} {
		if v != "" {
			*to = v
		}
	}
}
