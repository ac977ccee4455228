package csp

import "github.com/dmwake/dmwake/simulator/syncml"

// mirrored is a policy that takes effect at once: a value set in one place shows in
// another.
func mirrored(up, to string) Handler {
	at := func(c *Call) string {
		rel := up + "/" + to
		for _, n := range c.names[len(c.names)-2:] {
			rel += "/" + Segment(n)
		}
		return rel
	}
	return Handler{
		Write:   func(c *Call, v string) int { c.Put(at(c), v); return 200 },
		Removed: func(c *Call) { c.Drop(at(c)) },
	}
}

// mirroredArea removes a whole area's effect with the area.
func mirroredArea(to string) Handler {
	return Handler{Removed: func(c *Call) { c.Drop("../" + to + "/" + Segment(c.names[len(c.names)-1])) }}
}

// policy has areas and policies by name from the Base. A name that it does not have is
// one of an ingested ADMX file, or unknown.
func policy() CSP {
	area := mirroredArea("Result")
	area.Known = knownArea
	value := Handler{
		Known:  knownPolicy,
		Locked: conflictLocked,
		Write: func(c *Call, v string) int {
			if code := checkIngested(c, v); code != syncml.OK {
				return code
			}
			return inForce(c, v)
		},
		Removed: notInForce,
	}
	const install = "ConfigOperations/ADMXInstall/{AppName}"
	return CSP{Name: "Policy", Version: "9.0", Newer: []Release{{26200, "11.0", bothScopes}}, lists: everyScope, tree: "policy.tree", on: map[string]Handler{
		"Config":                                 {Removed: func(c *Call) { c.Drop("Result") }},
		"Config/{AreaName}":                      area,
		"Config/{AreaName}/{PolicyName}":         value,
		"Result/{AreaName}":                      {Known: knownArea},
		"Result/{AreaName}/{PolicyName}":         {Known: knownPolicy},
		install:                                  {Removed: forget},
		install + "/{SettingsType}":              {Removed: forget},
		install + "/{SettingsType}/{AdmxFileId}": {Write: ingest, Removed: forget},
	}}
}

func policyManager() CSP {
	return CSP{Name: "PolicyManager", Version: "1.0", tree: "policymanager.tree", on: map[string]Handler{
		"My/{AreaName}":              mirroredArea("Device"),
		"My/{AreaName}/{PolicyName}": mirrored("../..", "Device"),
	}}
}

// deviceLock shows a provider's settings as the ones in force: a phone has one
// management account.
func deviceLock() CSP {
	on := map[string]Handler{}
	for _, name := range []string{
		"DevicePasswordEnabled", "AllowSimpleDevicePassword", "MinDevicePasswordLength", "AlphanumericDevicePasswordRequired",
		"MaxDevicePasswordFailedAttempts", "DevicePasswordExpiration", "DevicePasswordHistory", "MaxInactivityTimeDeviceLock",
		"MinDevicePasswordComplexCharacters",
	} {
		on["Provider/{ProviderID}/"+name] = Handler{Write: func(c *Call, v string) int { c.Put("../../DeviceValue/"+name, v); return 200 }}
	}
	return CSP{Name: "DeviceLock", Version: "1.0", tree: "devicelock.tree", on: on}
}

func personalization() CSP {
	later := Handler{Write: func(*Call, string) int { return 202 }}
	return CSP{Name: "Personalization", Version: "1.0", Newer: []Release{{Build: 26200, Version: "2.0"}}, tree: "personalization.tree", on: map[string]Handler{
		"DesktopImageUrl": later, "LockScreenImageUrl": later, "CompanyName": {Write: companyName},
	}}
}
