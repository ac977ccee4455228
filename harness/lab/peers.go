package lab

// Connected tells whether a connection to the fake WNS is open whose other end
// has that address.
func (l *Lab) Connected(peer string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if c.RemoteAddr().String() == peer {
			return true
		}
	}
	return false
}
