package dmclient

// Condition is how a device stands beside its enrollment: what a test may have
// changed and has to put back where others use the device after it.
type Condition struct {
	State  State
	Login  Login
	Power  Power
	Faults []string // in the words of the faults
}

// Condition tells how the device stands.
func (d *Device) Condition() Condition {
	d.push.mu.Lock()
	power := d.push.power
	d.push.mu.Unlock()
	c := Condition{State: d.State(), Login: d.LoggedIn(), Power: power}
	for _, f := range d.faults() {
		c.Faults = append(c.Faults, f.Fault())
	}
	return c
}
