package devices

import (
	"time"
)

// Device is a device as its users see it: a copy that does not change.
type Device struct {
	ID        string            `json:"id"` // DeviceID
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
	IDs       IDs               `json:"ids"`
	Profile   string            `json:"profile"`
	Quirks    []string          `json:"quirks"`
	Faults    []string          `json:"faults"`
	State     string            `json:"state"` // not enrolled, enrolled, unenrolled or wiped
	Created   time.Time         `json:"created"`
	Discovery string            `json:"discovery,omitempty"`
	Username  string            `json:"username,omitempty"`
	Server    string            `json:"server,omitempty"`   // URL of its sessions
	Provider  string            `json:"provider,omitempty"` // ProviderID of its account
	Push      Push              `json:"push"`
	Power     string            `json:"power"`
	Login     string            `json:"login"`
	Clock     Clock             `json:"clock"`
	// Next is the next action of the device by its own plan; nil if it has none.
	Next *Next `json:"next,omitempty"`
	// Sessions is how many sessions it had; Last is the newest. Running says that one is
	// under way.
	Sessions int      `json:"sessions"`
	Running  bool     `json:"running"`
	Last     *Session `json:"last,omitempty"` // without messages
	// Woken is how many pushes reached it.
	Woken int `json:"woken"`
	// Problem is why its last enrollment or session failed; empty if it did not.
	Problem string `json:"problem,omitempty"`
	// Mark is the newest event of the pool; Wait takes it.
	Mark uint64 `json:"mark"`
}

// Push is a device's channel.
type Push struct {
	PFN    string `json:"pfn,omitempty"`
	URI    string `json:"uri,omitempty"` // its token is redacted unless revealed
	Status string `json:"status,omitempty"`
}

// Clock is a device's clock.
type Clock struct {
	Now    time.Time `json:"now"`
	Offset string    `json:"offset"` // from the machine's
}

// Next is a planned action.
type Next struct {
	What string    `json:"what"` // poll, channel, certificate, job or lost contact
	At   time.Time `json:"at"`   // on the machine's clock
}

// Filter selects devices; the zero value selects all.
type Filter struct {
	Namespace string
	State     string
	// Labels are all wanted.
	Labels map[string]string
	// Text is part of a name, DeviceID, namespace or label.
	Text string
}
