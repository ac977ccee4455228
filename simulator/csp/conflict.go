package csp

import (
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// A policy may have a value by Group Policy, too. ControlPolicyConflict/MDMWinsOverGP
// decides which is in force: with 1 the server's, and the group's is blocked; with 0, the
// default, or after its Delete the group's is restored (Learn, "Policy CSP -
// ControlPolicyConflict"). That the group's value is then in Result is a [model].

// groupPolicy is where a tree keeps values by Group Policy, in place of Config: no
// LocURI of a description leads there.
const groupPolicy = "\x02group policy"

const conflictPolicy = "ControlPolicyConflict/MDMWinsOverGP"

// GroupPolicy gives a policy a value by Group Policy; locURI is its address under
// Policy/Config. It returns false for another address.
func (t *Tree) GroupPolicy(locURI, value string) bool {
	a, err := t.schema.address(locURI)
	if err != nil || a.rule == nil || len(a.Names) != 6 || !strings.EqualFold(a.Names[2], "Policy") || !strings.EqualFold(a.Names[3], "Config") {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.store(a.Scope, swapped(a.Names, groupPolicy), entry{value: value, leaf: true})
	if !t.mdmWins() || !t.isStored(a.key) {
		t.put(a.Scope, swapped(a.Names, "Result"), value, Chr)
	}
	return true
}

// swapped is the address of a policy under another node than Config.
func swapped(names []string, part string) []string {
	out := append([]string(nil), names...)
	out[3] = part
	return out
}

func (t *Tree) mdmWins() bool {
	e := t.stored[t.schema.key(DeviceScope, strings.Split(policyConfig+conflictPolicy, "/"))]
	return strings.TrimSpace(e.value) == "1"
}

// inForce shows the value in force in Result.
func inForce(c *Call, v string) int {
	t := c.tree
	if c.isConflict() {
		if c.lastsFor1803() && t.mdmWins() && strings.TrimSpace(v) != "1" {
			return syncml.CommandFailed // "doesn't support setting the value to be 0 again"
		}
		t.settle(strings.TrimSpace(v) == "1")
	}
	if gp, ok := t.stored[t.schema.key(c.scope, swapped(c.names, groupPolicy))]; ok && !t.mdmWins() {
		v = gp.value
	}
	t.put(c.scope, swapped(c.names, "Result"), v, c.Format)
	return syncml.OK
}

// notInForce removes a policy from Result, or shows the group's value there.
func notInForce(c *Call) {
	t := c.tree
	if c.isConflict() {
		t.settle(false)
	}
	if gp, ok := t.stored[t.schema.key(c.scope, swapped(c.names, groupPolicy))]; ok {
		t.put(c.scope, swapped(c.names, "Result"), gp.value, Chr)
		return
	}
	t.drop(c.scope, swapped(c.names, "Result"))
}

func (c *Call) isConflict() bool {
	return c.scope == DeviceScope && strings.EqualFold(strings.Join(c.names[4:], "/"), conflictPolicy)
}

// lastsFor1803: in Windows 10 1803 the policy cannot be deleted or set back to 0.
func (c *Call) lastsFor1803() bool { return c.tree.schema.opts.Build == 17134 }

func conflictLocked(c *Call) bool { return c.Verb == Delete && c.isConflict() && c.lastsFor1803() }

// settle shows the values in force of all policies that a group has, too.
func (t *Tree) settle(mdmWins bool) {
	type change struct {
		scope Scope
		names []string
		value string
	}
	var all []change
	for _, scope := range []Scope{DeviceScope, UserScope} {
		prefix := t.schema.key(scope, []string{"Vendor", "MSFT", "Policy", groupPolicy}) + "\x00"
		for k, gp := range t.stored {
			rest, ok := strings.CutPrefix(k, prefix)
			if !ok || !gp.leaf {
				continue
			}
			names := append([]string{"Vendor", "MSFT", "Policy", "Config"}, strings.Split(rest, "\x00")...)
			names[len(names)-1] = gp.name // as it was written
			v := gp.value
			if own, ok := t.stored[t.schema.key(scope, names)]; ok && mdmWins {
				v = own.value
			}
			all = append(all, change{scope, swapped(names, "Result"), v})
		}
	}
	for _, c := range all {
		t.put(c.scope, c.names, c.value, Chr)
	}
}
