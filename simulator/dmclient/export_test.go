package dmclient

// Signalled takes the requests for a session, and returns how many there were.
func (d *Device) Signalled() int {
	select {
	case <-d.wake:
		return 1
	default:
		return 0
	}
}
