package csp

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
	return Handler{Removed: func(c *Call) { c.Drop("../" + to + "/" + Segment(c.Names[0])) }}
}

func policy() CSP {
	return CSP{Name: "Policy", Version: "9.0", Newer: []Release{{26200, "11.0"}}, lists: everyScope, tree: "policy.tree", on: map[string]Handler{
		"Config":                         {Removed: func(c *Call) { c.Drop("Result") }},
		"Config/{AreaName}":              mirroredArea("Result"),
		"Config/{AreaName}/{PolicyName}": mirrored("../..", "Result"),
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
	return CSP{Name: "Personalization", Version: "1.0", tree: "personalization.tree", on: map[string]Handler{
		"DesktopImageUrl": later, "LockScreenImageUrl": later, "CompanyName": {Write: companyName},
	}}
}
