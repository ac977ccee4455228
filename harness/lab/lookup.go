package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// maxServerID limits what the lookup hook may print, in bytes.
const maxServerID = 1024

// serverIDs are the server's own ids of devices, by DeviceID, and what the devices
// knew while they were enrolled.
type serverIDs struct {
	mu   sync.Mutex
	list map[string]*serverID
	last map[string]target.Vars
}

// recalled are the variables that recall completes.
var recalled = []string{"ManagementURL", "ProviderID", "EntDMID", "CertCN", "CertSerial", "CertThumbprint"}

// recall completes what a device knows that is enrolled no more: hooks ask the server
// about devices that were wiped.
// What no hook uses is not kept: a load has many devices.
func (s *serverIDs) recall(v target.Vars, hooks *target.Hooks) target.Vars {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.ProviderID != "" {
		if !slices.ContainsFunc(recalled, hooks.UseVariable) {
			return v
		}
		if s.last == nil {
			s.last = map[string]target.Vars{}
		}
		s.last[v.DeviceID] = v
		return v
	}
	if old, ok := s.last[v.DeviceID]; ok {
		v.ManagementURL, v.ProviderID, v.EntDMID = old.ManagementURL, old.ProviderID, old.EntDMID
		v.CertCN, v.CertSerial, v.CertThumbprint = old.CertCN, old.CertSerial, old.CertThumbprint
	}
	return v
}

// serverID is one of them. A new enrollment may have another.
type serverID struct {
	finding    chan struct{} // held while the lookup hook runs; capacity 1
	enrollment *enroll.Provisioning
	id         string
}

// of is the entry of a device.
func (s *serverIDs) of(deviceID string) *serverID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil {
		s.list = map[string]*serverID{}
	}
	e := s.list[deviceID]
	if e == nil {
		e = &serverID{finding: make(chan struct{}, 1)}
		s.list[deviceID] = e
	}
	return e
}

// ServerID is the server's own id of a device, as the lookup hook finds it.
func (l *Lab) ServerID(ctx context.Context, d *dmclient.Device) (string, error) {
	return l.serverID(ctx, d, l.known(d))
}

// serverID is the server's own id of a device, which the lookup hook finds once for
// each enrollment. A failed lookup is tried again the next time.
func (l *Lab) serverID(ctx context.Context, d *dmclient.Device, v target.Vars) (string, error) {
	e := l.serverIDs.of(v.DeviceID)
	select {
	case e.finding <- struct{}{}:
		defer func() { <-e.finding }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if now := d.Provisioning(); e.id != "" && (now == nil || now == e.enrollment) {
		return e.id, nil // also of a device that is enrolled no more
	}
	h := l.Config.Target.Hooks.Lookup
	if h == nil {
		return "", fmt.Errorf("%w: lookup, which prints .ServerID", ErrNoHook)
	}
	out, err := l.do(ctx, "lookup", h, v)
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(out)
	switch {
	case id == "":
		err = fmt.Errorf("it printed nothing; let it print the server's own id for the device %s", v.DeviceID)
	case len(id) > maxServerID:
		err = fmt.Errorf("it printed %d bytes; let it print only the server's own id for the device, of up to %d", len(id), maxServerID)
	case strings.ContainsAny(id, "\r\n"):
		err = errors.New("it printed several lines; let it print only the server's own id for the device")
	}
	if err != nil {
		return "", hookError("lookup", err)
	}
	e.id, e.enrollment = id, d.Provisioning()
	return id, nil
}
