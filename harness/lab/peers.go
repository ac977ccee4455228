package lab

// Connected reports whether the peer with that address has an open connection
// to the fake WNS.
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
