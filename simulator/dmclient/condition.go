package dmclient

// Condition is the state that tests change, apart from the enrollment. A test
// must restore it before others use the device.
type Condition struct {
	State  State
	Login  Login
	Power  Power
	Faults []string // in the words of the faults
}

// Condition returns the current state.
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
