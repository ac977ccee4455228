package workload

import (
	"slices"
	"testing"
)

// TestKeys: what parts may have is listed, and a plan can be read with the example of
// each key.
func TestKeys(t *testing.T) {
	if got, want := namesOf(PartKeys())[1:], kindNames(); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("the parts are %v, and %v are listed", want, got)
	}
	listed := namesOf(ValueKeys())
	for k, values := range kinds {
		for _, v := range values {
			if !slices.Contains(listed, v) {
				t.Errorf("%s has %s, which is not listed", k, v)
			}
		}
	}
	reads := func(text string) {
		t.Helper()
		if _, err := Parse("plan.yaml", []byte(text)); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
	const whole = "duration: 24h\nparts: [{poll: 15m}]\n"
	for _, k := range PlanKeys() {
		switch k.Name {
		case "duration":
			reads("duration: " + k.Example + "\nparts: [{poll: 15m}]\n")
		case "parts":
			reads("duration: 24h\nparts: " + k.Example + "\n")
		default:
			reads(whole + k.Name + ": " + k.Example + "\n")
		}
	}
	for _, k := range PartKeys() {
		if k.Name == "name" {
			reads("duration: 24h\nparts: [{name: " + k.Example + ", poll: 15m}]\n")
			continue
		}
		reads("duration: 24h\nparts: [{" + k.Name + ": " + k.Example + "}]\n")
	}
	beside := map[string]string{"poisson": "rate: 0.1, ", "sender": "rate: 0.1, ", "work": "rate: 0.1, ", "who": "rate: 0.1, ", "within": "at: 1h, "}
	for _, k := range ValueKeys() {
		parts, alone := Of(k.Name)
		if len(parts) == 0 {
			t.Errorf("no part has %s", k.Name)
		}
		for _, of := range parts {
			reads("duration: 24h\nparts: [{" + of + ": {" + beside[k.Name] + k.Name + ": " + k.Example + "}}]\n")
		}
		for _, of := range alone {
			reads("duration: 24h\nparts: [{" + of + ": " + k.Example + "}]\n")
		}
	}
	day := ""
	for _, k := range DayKeys() {
		day += k.Name + ": " + k.Example + ", "
	}
	reads("duration: 24h\nparts: [{push: {day: {" + day + "}}}]\n")
}
