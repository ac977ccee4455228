package csp

import (
	"strconv"
	"strings"
)

// remoteWipe resets the device. The effect names the executed node; the reset itself
// happens after the session, so the command is answered with 200 first.
func remoteWipe() CSP {
	on := map[string]Handler{}
	for _, how := range []string{
		"doWipe", "doWipePersistProvisionedData", "doWipeProtected", "doWipePersistUserData",
		"doWipeCloud", "doWipeCloudPersistUserData", "doWipeCloudPersistProvisionedData", "AutomaticRedeployment/doAutomaticRedeployment",
	} {
		on[how] = Handler{Run: func(c *Call, _ string) int {
			switch c.Host.Fact("WipeFails") {
			case "refused":
				if strings.Contains(how, "/") {
					c.Put("Status", "30") // "Exec failed" (Learn)
					c.Put("LastError", "-2147467259")
				}
				return 500
			case "rolled back":
				c.Host.Effect(Effect{Kind: EffectNotWiped, Detail: how[strings.LastIndexByte(how, '/')+1:], At: c.Host.Now()})
				return 200
			}
			c.Host.Effect(Effect{Kind: EffectWipe, Detail: how[strings.LastIndexByte(how, '/')+1:], At: c.Host.Now()})
			return 200
		}}
	}
	return CSP{Name: "RemoteWipe", Version: "1.1", tree: "remotewipe.tree", on: on}
}

// remoteLock locks the screen, on a phone also with a new PIN, which NewPINValue
// returns. On a desktop, new PINs are refused with 500 [model].
func remoteLock() CSP {
	lock := func(c *Call) { c.Host.Effect(Effect{Kind: EffectLock, At: c.Host.Now()}) }
	newPIN := func(c *Call, _ string) int {
		if !c.tree.schema.opts.Phone {
			return 500
		}
		lock(c)
		last, err := strconv.Atoi(c.Value("NewPINValue"))
		if err != nil {
			last = 100000
		}
		pin := strconv.Itoa(last + 1)
		c.Put("NewPINValue", pin)
		c.Host.Effect(Effect{Kind: EffectNewPIN, Detail: pin, At: c.Host.Now()})
		return 200
	}
	return CSP{Name: "RemoteLock", Version: "1.0", Newer: []Release{{Build: 15063, Version: "1.1"}}, lists: []string{"./Device/", "./"}, tree: "remotelock.tree", on: map[string]Handler{
		"Lock":              {Run: func(c *Call, _ string) int { lock(c); return 200 }},
		"LockAndResetPIN":   {Run: newPIN},
		"LockAndRecoverPIN": {Run: newPIN},
	}}
}

func reboot() CSP {
	return CSP{Name: "Reboot", Version: "1.0", lists: deviceOnly, tree: "reboot.tree", on: map[string]Handler{
		"RebootNow": {Run: func(c *Call, _ string) int {
			c.Host.Effect(Effect{Kind: EffectReboot, At: c.Host.Now()})
			return 200
		}},
	}}
}

func remoteFind() CSP {
	return CSP{Name: "RemoteFind", Version: "1.0", tree: "remotefind.tree", on: map[string]Handler{
		"Location": {Run: func(c *Call, _ string) int {
			c.Host.Effect(Effect{Kind: EffectLocate, At: c.Host.Now()})
			return 200
		}},
	}}
}
