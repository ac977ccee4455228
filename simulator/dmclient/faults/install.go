package faults

import (
	"cmp"
	"errors"
	"slices"
	"strconv"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// installFails makes every background installation fail.
type installFails struct{ hresult string }

func newInstallFails(arg string) (dmclient.Fault, error) {
	if arg == "" {
		arg = "-2147009287" // 0x80073cf9, package installation failed
	}
	_, err := strconv.ParseInt(arg, 10, 64)
	return installFails{arg}, err
}

func (installFails) Fault() string { return "cannot install anything" }

func (f installFails) Fact(name string) (string, bool) { return f.hresult, name == "InstallError" }

// rollbackFails leaves an Atomic half done.
type rollbackFails struct{}

func (rollbackFails) Fault() string       { return "cannot roll back" }
func (rollbackFails) RollbackFails() bool { return true }

// installParks never reports the end of an installation. Learn names the states of an
// MSI that are not final ("EnterpriseDesktopAppManagement CSP"); 48 waits for a user.
type installParks struct{ status string }

func newInstallParks(arg string) (dmclient.Fault, error) {
	arg = cmp.Or(arg, "48")
	if !slices.Contains([]string{"20", "25", "40", "48", "50", "55"}, arg) {
		return nil, errors.New("an MSI that is under way has Status 20, 25, 40, 48, 50 or 55")
	}
	return installParks{arg}, nil
}

func (installParks) Fault() string { return "never reports an installation" }

func (f installParks) Fact(name string) (string, bool) { return f.status, name == "InstallParks" }

// certificateFails lets certificate requests (SCEP) fail after they were accepted, as on
// real devices (fleet issue 45550).
type certificateFails struct{ status string }

func newCertificateFails(arg string) (dmclient.Fault, error) {
	arg = cmp.Or(arg, "16")
	if !slices.Contains([]string{"2", "16", "32"}, arg) {
		return nil, errors.New("a certificate request that does not succeed has Status 2, 16 or 32")
	}
	return certificateFails{arg}, nil
}

func (certificateFails) Fault() string { return "gets no certificate" }

func (f certificateFails) Fact(name string) (string, bool) {
	return f.status, name == "CertificateStatus"
}
