package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// UnreachableError says why a target cannot be tested, and what to do.
type UnreachableError struct {
	What, Do string
	Err      error
}

func (e *UnreachableError) Error() string { return redact.Text(e.What + "; " + e.Do) }

// Unwrap gives the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Preflight enrolls one device before a run. It fails early if the target is
// unreachable or refuses the credentials (*UnreachableError), or if no device
// can enroll and the server is not to blame (*ExcusedError). Any other error is
// for the suite to judge. What the device had to tolerate is the Leniency of
// the run; if its Windows is too new for the server, the devices of the run are
// older ones (see FallBack).
func (l *Lab) Preflight(ctx context.Context) error {
	t := &l.Config.Target
	defer l.learnHealth(ctx)
	if t.Provisioned.Server != "" {
		return l.reach(ctx)
	}
	var err error
	for first := true; first || err != nil && l.FallBack(err); first = false {
		err = l.enrollsOne(ctx)
	}
	return l.explain(err)
}

// enrollsOne enrolls the shared device, or a new one.
func (l *Lab) enrollsOne(ctx context.Context) error {
	if l.Config.Target.SharedDevice {
		_, err := l.Shared(ctx)
		return err
	}
	d, err := l.ordinaryDevice()
	if err != nil {
		return err
	}
	defer d.Close()
	return l.Enroll(ctx, d)
}

// reach checks that the server of an already enrolled device answers, and that
// the device is usable.
func (l *Lab) reach(ctx context.Context) error {
	if err := l.Healthy(ctx); err != nil {
		what, do := ConnectProblem(&l.Config.Target, err)
		if what == "" {
			what, do = err.Error(), "check target.provisioned.server"
		}
		return &UnreachableError{what, do, err}
	}
	if _, err := l.Shared(ctx); err != nil {
		return &UnreachableError{err.Error(), "check target.provisioned", err}
	}
	return nil
}

// explain words a failed enrollment for the user.
func (l *Lab) explain(err error) error {
	t := &l.Config.Target
	var e *enroll.Error
	if excused := Excuse(err); excused != nil {
		return excused
	}
	if err == nil || !errors.As(err, &e) {
		return err
	}
	if what, do := connectProblem(t, e); what != "" && e.Step == enroll.StepDiscover {
		return &UnreachableError{what, do, err}
	}
	if e.Refused() {
		why := e.Err.Error()
		var f *enroll.Fault
		if errors.As(e.Err, &f) {
			why = f.Text()
		}
		if hr := e.HResult(); hr != "" {
			why += " (Windows shows " + hr + ")"
		}
		return &UnreachableError{fmt.Sprintf("the server refuses to enroll %s: %s", t.Username, why),
			"check target.username and target.password", err}
	}
	return err
}

// ConnectProblem words a connection error for the user and says what to do;
// both are empty for other errors.
func ConnectProblem(t *target.Target, err error) (what, do string) {
	var e *enroll.Error
	if !errors.As(err, &e) {
		e = &enroll.Error{Err: err}
	}
	return connectProblem(t, e)
}

func connectProblem(t *target.Target, e *enroll.Error) (what, do string) {
	if e.Status != 0 {
		return "", ""
	}
	host := t.DiscoveryURL()
	if host == "" {
		host = t.Provisioned.Server
	}
	if u, err := url.Parse(host); err == nil {
		host = u.Host
	}
	var (
		dns  *net.DNSError
		op   *net.OpError
		cert *tls.CertificateVerificationError
		unk  x509.UnknownAuthorityError
		rec  tls.RecordHeaderError
	)
	dialled, check := host, "target.discovery"
	if t.Connect != "" {
		dialled, check = t.Connect+" (target.connect)", "target.connect"
	}
	switch {
	case errors.As(e.Err, &dns):
		if t.Connect != "" {
			return fmt.Sprintf("the name of %s does not resolve", dialled), "check " + check
		}
		return fmt.Sprintf("the name of %s does not resolve", host), "check target.discovery, or set target.connect to an address"
	case errors.As(e.Err, &unk):
		return fmt.Sprintf("the TLS certificate of %s is signed by an unknown authority", host), "set target.ca to the PEM file of the CA that signed it"
	case errors.As(e.Err, &cert):
		return fmt.Sprintf("the TLS certificate of %s does not verify: %v", host, cert.Err), "check target.discovery and target.ca"
	case errors.As(e.Err, &rec), errors.Is(e.Err, http.ErrSchemeMismatch):
		return fmt.Sprintf("%s does not speak TLS", dialled), "check the port in " + check
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens at %s", dialled), "start the server, or check " + check
	case errors.Is(e.Err, context.DeadlineExceeded), errors.Is(e.Err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("%s does not answer", dialled), "check that the server is up and " + check + " is right"
	case errors.As(e.Err, &op) && op.Op == "dial":
		return fmt.Sprintf("%s cannot be reached: %v", dialled, op.Err), "check " + check
	}
	return "", ""
}
