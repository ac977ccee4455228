package csp

import "github.com/dmwake/dmwake/simulator/syncml"

// update has no DDF v2 file. A 1909 lists it with 1.1 (AADInternals), an older build with
// 1.0 [seen]; that the version came with Rollback is a model.
func update() CSP {
	// A device rolls back only while it is paused and has the latest update (Learn,
	// "Update CSP"). This one never does; that the status is 500 is a model.
	refuse := Handler{Run: func(*Call, string) int { return syncml.CommandFailed }}
	return CSP{Name: "Update", Version: "1.0", Newer: []Release{{Build: 17134, Version: "1.1"}}, tree: "update.tree",
		on: map[string]Handler{"Rollback/QualityUpdate": refuse, "Rollback/FeatureUpdate": refuse}}
}
