package cli

import (
	"testing"

	"github.com/dmwake/dmwake/harness/doctor"
)

// TestDoctorNamesExplain: a finding with a code that is known leads to its explanation,
// unless it does already.
func TestDoctorNamesExplain(t *testing.T) {
	t.Parallel()
	for want, list := range map[string][]doctor.Finding{
		"0x80180002": {{State: doctor.Bad, Saw: "the user name or the password is wrong (Windows shows 0x80180002)", Do: "check target.username"}, {State: doctor.Stops, Saw: "0x8000ABCD, then 0x80180002"}},
		"":           {{State: doctor.Bad, Saw: "0x80180002", Do: "dmwake explain 0x80180002 says more"}, {State: doctor.OK, Saw: "0x80180002"}, {State: doctor.Bad, Saw: "nothing listens there"}},
	} {
		for _, f := range list {
			if got := shownCode(f); got != want {
				t.Errorf("%+v: %q, want %q", f, got, want)
			}
		}
	}
}
