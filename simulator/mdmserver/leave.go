package mdmserver

import (
	"cmp"
	"net/http"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// unenrollDevice ends the management of a device in its next session.
func (s *Server) unenrollDevice(w http.ResponseWriter, r *http.Request) {
	if d := s.find(w, r); d != nil {
		s.mu.Lock()
		d.leaving = true
		s.changed(Change{Moment: Leaving, Device: d})
		s.mu.Unlock()
		answer(w, http.StatusAccepted, map[string]string{"unenroll": "in the next session"})
	}
}

// farewell deletes Push, so that nothing wakes the device, and unenrolls it
// (Learn, "DMClient CSP": Push, Unenroll).
func (s *Server) farewell() []Planned {
	return []Planned{
		{Command: one(syncml.Delete, s.pushURI(), "", ""), Sent: &Sent{Purpose: ForPush}},
		{Command: one(syncml.Exec, "./Vendor/MSFT/DMClient/Unenroll", "chr", s.cfg.ProviderID), Sent: &Sent{Purpose: ForUnenroll}},
	}
}

// restart does what a new process on the same database does: devices and their
// commands stay; sessions, sign-ins and the WNS token are gone.
func (s *Server) restart(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	clear(s.tokens)
	clear(s.consents)
	for _, d := range s.devices {
		d.Session = nil
		s.changed(Change{Moment: Restarted, Device: d})
	}
	s.mu.Unlock()
	s.sender.tokens.Drop("")
	if s.linked != nil {
		s.linked.Update(func() {
			for _, d := range s.linked.devices {
				d.Session = nil
			}
		})
	}
	w.WriteHeader(http.StatusNoContent)
}

// crowded tells whether a device opens more sessions than Config.SessionRate.
func (s *Server) crowded(d *Device) bool {
	if s.cfg.SessionRate == 0 {
		return false
	}
	now := time.Now()
	for len(d.opened) > 0 && now.Sub(d.opened[0]) > s.sessionWindow() {
		d.opened = d.opened[1:]
	}
	if len(d.opened) >= s.cfg.SessionRate {
		return true
	}
	d.opened = append(d.opened, now)
	return false
}

func (s *Server) sessionWindow() time.Duration { return cmp.Or(s.cfg.SessionWindow, time.Second) }

// version gives the status for a message of an unknown version, 0 for ours
//
//	(OMA SyncML RepPro 1.2.2, VerDTD and VerProto).
func version(m *syncml.Message) int {
	switch {
	case m.Hdr.VerDTD != syncml.VerDTD:
		return syncml.DTDNotSupported
	case m.Hdr.VerProto != syncml.VerProto:
		return syncml.ProtoNotSupported
	}
	return 0
}
