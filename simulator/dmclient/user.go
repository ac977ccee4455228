package dmclient

import "slices"

// setup is what has happened since the enrollment, apart from sessions.
type setup struct {
	// NoContext says that the user part of the tree is not there yet: the device was
	// enrolled before a user signed in.
	NoContext bool `json:"c,omitempty"`
	// Logins are the kinds of users that have logged in.
	Logins []Login `json:"u,omitempty"`
	Page   page    `json:"p,omitzero"`
}

// LoggedIn returns who is logged in.
func (d *Device) LoggedIn() Login {
	if d.primary != nil {
		return d.primary.LoggedIn()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.login
}

// SetLogin changes who is logged in. A login starts a session, which Run runs, if
// PollOnLogin is true, or if AllUsersPollOnFirstLogin is true and this user has not
// logged in since the enrollment (Learn, "DMClient CSP": once for each user, the
// enrolled one included).
func (d *Device) SetLogin(l Login) {
	d.mu.Lock()
	before := d.login
	d.login = l
	first := l != before && l != LoginNone && !slices.Contains(d.setup.Logins, l)
	if first {
		d.setup.Logins = append(slices.Clone(d.setup.Logins), l)
	}
	d.mu.Unlock()
	if l == before || l == LoginNone {
		return
	}
	if first {
		d.signIn(l)
	}
	if d.account("Poll/PollOnLogin") == "true" || first && d.account("Poll/AllUsersPollOnFirstLogin") == "true" {
		d.signal(OriginLogin)
	}
}

// UserSession reports whether the enrolled user is logged in and has a user part of
// the tree. On a device that was enrolled before its user signed in, the first session
// after the sign-in still answers 405 to ./User, and the next one does not [seen: fleet
// issue 49250, build 26200].
func (h host) UserSession() bool {
	if h.primary != nil {
		return host{h.primary}.UserSession()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.login == LoginUser && !h.setup.NoContext
}
