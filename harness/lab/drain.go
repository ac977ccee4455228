package lab

import "context"

// Drain prepares Close: the fake WNS accepts nothing more, and what it accepted reaches
// the devices that are connected, until ctx ends.
func (l *Lab) Drain(ctx context.Context) {
	if l.wnsHTTP != nil {
		l.wnsHTTP.RegisterOnShutdown(l.cutFresh)
		l.wnsHTTP.Shutdown(ctx) //nolint:errcheck // Close ends what hangs
	}
	if l.link != nil {
		l.link.Drain(ctx)
	}
}

// cutFresh closes connections that brought no request: Shutdown would wait for one.
func (l *Lab) cutFresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.fresh {
		c.Close()
	}
}

// StateNotice is a sentence about a state file that was damaged; empty for a sound one,
// or without one.
func (l *Lab) StateNotice() string {
	if l.state == nil {
		return ""
	}
	return l.state.Notice()
}

// StateError says, after Close, that not all of the state could be stored.
func (l *Lab) StateError() error { return l.unkept }
