package ddf_test

import (
	"testing"

	"github.com/dmwake/dmwake/simulator/csp"
)

// TestPolicyConflict: Learn, "Policy CSP - ControlPolicyConflict".
func TestPolicyConflict(t *testing.T) {
	const (
		wins   = policy + "ControlPolicyConflict/MDMWinsOverGP"
		camera = policy + "Camera/AllowCamera"
		force  = result + "Camera/AllowCamera"
	)
	b := embedded(t)
	tr := tree(t, csp.Options{Platform: win11, Base: b})
	if tr.GroupPolicy("./DevInfo/DevId", "x") || !tr.GroupPolicy(camera, "0") {
		t.Fatal("a group policy is one of Policy/Config")
	}
	steps(t, tr, []step{
		{get, force, "", "", 200, "0", "int"},
		{get, camera, "", "", 404, "", ""}, // the server has set nothing
		{replace, camera, "int", "1", 200, "", ""},
		{get, camera, "", "", 200, "1", "int"},
		{get, force, "", "", 200, "0", "int"},
		{replace, wins, "int", "2", 500, "", ""},
		{replace, wins, "int", "1", 200, "", ""},
		{get, force, "", "", 200, "1", "int"},
		{replace, wins, "int", "0", 200, "", ""},
		{get, force, "", "", 200, "0", "int"},
		{replace, wins, "int", "1", 200, "", ""},
		{get, force, "", "", 200, "1", "int"},
		{del, wins, "", "", 200, "", ""},
		{get, force, "", "", 200, "0", "int"},
		{del, camera, "", "", 200, "", ""},
		{get, force, "", "", 200, "0", "int"}, // the group's stays
		{get, "./Vendor/MSFT/Policy", "", "", 200, "Config/Result", "node"},
	})
	steps(t, tree(t, csp.Options{Platform: csp.Platform{Build: 17134}, Base: b}), []step{
		{replace, wins, "int", "1", 200, "", ""},
		{del, wins, "", "", 405, "", ""},
		{replace, wins, "int", "0", 500, "", ""},
		{get, wins, "", "", 200, "1", "int"},
	})
}
