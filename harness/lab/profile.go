package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// RefusesVersion reports whether a server may have refused a RequestVersion: it
// answered Discover with a SOAP fault that is not about the credential, with 400
// or with 5xx. MS-MDE2 names no fault for it.
func RefusesVersion(err error) bool {
	var e *enroll.Error
	if !errors.As(err, &e) || e.Step != enroll.StepDiscover || e.Refused() {
		return false
	}
	var f *enroll.Fault
	return errors.As(e.Err, &f) || e.Status == http.StatusBadRequest || e.Status >= http.StatusInternalServerError
}

// refusesDocument reports whether a device refused the provisioning document for
// a reason that older Windows does not have: no AAUTHDATA.
func refusesDocument(err error) bool {
	var e *enroll.Error
	return errors.As(err, &e) && e.Step == enroll.StepInstall && e.HResult() == enroll.CodeInvalidArg
}

// FallBack makes the devices of the run older ones if err is why the newest
// profile of the target cannot enroll: the server refuses its RequestVersion, or
// the device a document that older ones take. It returns false if nothing is
// left to try, and then changes nothing. Notes tells it. It is for the time
// before scenarios run.
func (l *Lab) FallBack(err error) bool {
	t := &l.Config.Target
	name := t.Profiles[len(t.Profiles)-1]
	p, unknown := dmclient.ProfileByName(name)
	older := t.Older(name)
	if older == "" || unknown != nil {
		return false
	}
	var note string
	switch {
	case RefusesVersion(err):
		note = fmt.Sprintf("The server refuses Discover with RequestVersion %s of %s, so the devices are %s: %v", p.RequestVersion, name, older, err)
	case refusesDocument(err):
		note = fmt.Sprintf("Devices of %s cannot enroll (see ENR-34), so the devices are %s: %v", name, older, err)
	default:
		return false
	}
	rest := slices.Clone(t.Profiles[:len(t.Profiles)-1])
	if !slices.Contains(rest, older) {
		rest = append(rest, older)
	}
	t.Profiles = rest
	f := l.family
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, note)
	return true
}

// NewestProfile asks a server for the newest Windows that it takes, whose
// RequestVersion it does not refuse in Discover, and returns its answer, too. It
// enrolls nothing.
func NewestProfile(ctx context.Context, cfg dmclient.Config) (name string, r *enroll.DiscoverResponse, err error) {
	var last error
	for _, p := range slices.Backward(dmclient.Profiles()) {
		if p.Phone {
			continue
		}
		cfg.Profile = p
		d, err := dmclient.New(cfg)
		if err != nil {
			return "", nil, err
		}
		c := d.EnrollmentClient(dmclient.EnrollOptions{})
		r, err := c.Discover(ctx)
		c.HTTP.CloseIdleConnections()
		if err == nil {
			return p.Name, r, nil
		}
		if !RefusesVersion(err) {
			return "", nil, err
		}
		last = err
	}
	return "", nil, fmt.Errorf("the server refuses every RequestVersion: %w", last)
}
