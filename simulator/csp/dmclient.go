package csp

import "strconv"

// Pusher is the push side of the device as the DMClient CSP needs it: it
// registers a PFN with the WNS client and knows the channel that came of it.
type Pusher interface {
	// SetPFN registers pfn for the provider and gives the status of the
	// command that wrote it.
	SetPFN(c Call, provider, pfn string) int
	// Channel gives the channel URI, empty while there is none, and the value
	// of Push/Status.
	Channel(provider string) (uri string, status int)
	// RemovePush ends push-initiated sessions of the provider.
	RemovePush(provider string)
	// SavePush notes the state and returns what restores it.
	SavePush() (restore func())
}

// ProviderPath is where DMClient keeps its accounts.
const ProviderPath = "Vendor/MSFT/DMClient/Provider/{ProviderID}"

// PushPath is the push node of an account (Learn, "DMClient CSP"; MS-MDE2
// 2.2.9.3).
const PushPath = ProviderPath + "/Push"

// DMClientConfig is what the CSP needs from its device.
type DMClientConfig struct {
	Push     Pusher
	Unenroll func(provider string)
	HWDevID  string
}

// DMClient is the CSP a management account lives in (Learn, "DMClient CSP").
func DMClient(cfg DMClientConfig) CSP {
	const all = Add | Delete | Get | Replace
	provider := func(name string, ops Ops, f Format, value string) Node {
		return Node{Path: ProviderPath + "/" + name, Ops: ops, Format: f, Value: value}
	}
	poll := func(name string) Node {
		n := provider("Poll/"+name, all, Int, "0")
		n.Upsert = true
		return n
	}
	flag := func(name string) Node {
		n := provider("Poll/"+name, all, Bool, "false")
		n.Upsert = true
		return n
	}
	unenroll := func(c Call, data string) int {
		if len(c.Names) > 0 {
			data = c.Names[0]
		}
		cfg.Unenroll(data)
		return 200
	}
	version := provider("SyncApplicationVersion", Get|Replace, Chr, "1.0")
	version.Write = func(_ Call, v string) int {
		// "major.minor", at most what MaxSyncApplicationVersion says.
		if n, err := strconv.ParseFloat(v, 32); err != nil || n < 1 || n > 5 {
			return 500
		}
		return 200
	}
	entDMID := provider("EntDMID", all, Chr, "")
	entDMID.Upsert = true
	upn := provider("UPN", Get|Replace, Chr, "")
	return CSP{
		Name: "DMClient",
		Save: cfg.Push.SavePush,
		Nodes: append([]Node{
			{Path: ProviderPath, Ops: Get, Format: Interior},
			entDMID, upn, version,
			provider("MaxSyncApplicationVersion", Get, Chr, "5.0"),
			provider("HWDevID", Get, Chr, cfg.HWDevID),
			{Path: ProviderPath + "/Unenroll", Ops: Get | Exec, Format: Chr, Run: unenroll},
			{Path: "Vendor/MSFT/DMClient/Unenroll", Ops: Get | Exec, Format: Chr, Run: unenroll},
			poll("IntervalForFirstSetOfRetries"), poll("NumberOfFirstRetries"),
			poll("IntervalForSecondSetOfRetries"), poll("NumberOfSecondRetries"),
			poll("IntervalForRemainingScheduledRetries"), poll("NumberOfRemainingScheduledRetries"),
			flag("PollOnLogin"), flag("AllUsersPollOnFirstLogin"),
		}, pushNodes(cfg)...),
	}
}

// pushNodes are the heart of the matter: the server writes the PFN, the device
// answers with a channel.
func pushNodes(cfg DMClientConfig) []Node {
	p := cfg.Push
	return []Node{
		{Path: PushPath, Ops: Add | Delete | Get, Format: Interior,
			Removed: func(c Call) { p.RemovePush(c.Names[0]) }},
		// A Replace of an absent PFN, or a PFN under an absent Push, reaches
		// SetPFN too: which of them fails is the profile's.
		{Path: PushPath + "/PFN", Ops: Add | Get | Replace, Format: Chr, Upsert: true,
			Write: func(c Call, v string) int { return p.SetPFN(c, c.Names[0], v) }},
		{Path: PushPath + "/ChannelURI", Ops: Get, Format: Chr,
			Read: func(c Call) string { uri, _ := p.Channel(c.Names[0]); return uri }},
		{Path: PushPath + "/Status", Ops: Get, Format: Int,
			Read: func(c Call) string { _, s := p.Channel(c.Names[0]); return strconv.Itoa(s) }},
	}
}
