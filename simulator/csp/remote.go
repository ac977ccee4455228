package csp

// RemoteWipe resets the device (Learn, "RemoteWipe CSP"). wipe is told which
// node was executed; the reset itself happens after the session, so the
// command is answered 200 first.
func RemoteWipe(wipe func(how string)) CSP {
	node := func(name string) Node {
		return Node{Path: "Vendor/MSFT/RemoteWipe/" + name, Ops: Get | Exec, Format: Null,
			Run: func(Call, string) int { wipe(name); return 200 }}
	}
	return CSP{Name: "RemoteWipe", Nodes: []Node{
		node("doWipe"), node("doWipePersistProvisionedData"), node("doWipeProtected"), node("doWipePersistUserData"),
	}}
}

// RemoteLock locks the screen of a phone (Learn, "RemoteLock CSP"; phones
// only). lock is told whether a new PIN was asked for and gives that PIN.
func RemoteLock(lock func(resetPIN bool) (pin string)) CSP {
	var pin string
	const at = "Vendor/MSFT/RemoteLock/"
	return CSP{Name: "RemoteLock", Nodes: []Node{
		{Path: at + "Lock", Ops: Exec, Format: Null, Run: func(Call, string) int { lock(false); return 200 }},
		{Path: at + "LockAndResetPIN", Ops: Exec, Format: Null, Run: func(Call, string) int { pin = lock(true); return 200 }},
		{Path: at + "NewPINValue", Ops: Get, Format: Chr, Read: func(Call) string { return pin }},
	}}
}
