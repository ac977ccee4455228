package lab

import (
	"context"
	"sync"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// specimens are devices that were enrolled once, by profile, for all who only read
// the messages of an enrollment.
type specimens struct {
	mu   sync.Mutex
	made map[string]*specimen
}

type specimen struct {
	once   sync.Once
	device *dmclient.Device
	err    error // of the enrollment
}

// Specimen enrolls a device of a profile, the first time, and returns the same one
// afterwards. err is that of its enrollment; without a device, of making it. Nobody
// may use the device for anything else.
func (l *Lab) Specimen(ctx context.Context, p dmclient.Profile) (d *dmclient.Device, err error) {
	l.specimens.mu.Lock()
	s := l.specimens.made[p.Name]
	if s == nil {
		if l.specimens.made == nil {
			l.specimens.made = map[string]*specimen{}
		}
		s = &specimen{}
		l.specimens.made[p.Name] = s
	}
	l.specimens.mu.Unlock()
	s.once.Do(func() {
		if s.device, s.err = l.NewDevice(p); s.err == nil {
			s.err = l.Enroll(ctx, s.device)
		}
	})
	return s.device, s.err
}
