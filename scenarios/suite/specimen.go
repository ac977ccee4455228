package suite

// Specimen returns a device that was enrolled once for all scenarios that only read
// the messages of an enrollment: one enrollment, many cases. The body must not
// enroll it again, and must hold no session with it.
func (t *T) Specimen() *Device {
	if t.Lab.Config.Target.Shared() {
		return t.Enrollee()
	}
	dev, err := t.Lab.Specimen(t.ctx, t.profile)
	if dev == nil {
		t.Error("no device could be made: %v", err)
	}
	d := t.with(dev)
	d.enrollErr = err
	return d
}
