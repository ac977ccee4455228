package faults

import (
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
