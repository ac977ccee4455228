package cli

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

// ddfFlag adds --ddf to a command that makes devices.
func ddfFlag(fl *pflag.FlagSet, name *string) {
	fl.StringVar(name, "ddf", "", "zip of DDF v2 files that say which CSPs and policies the devices have, in place of Microsoft's of February 2025")
}

// ddfFile is the file of --ddf, or else the configuration's. It is read at once, so that
// a mistake is told before anything starts.
func ddfFile(flag, configured string) (string, error) {
	if flag == "" {
		return configured, nil
	}
	if _, err := ddf.ZipBase(flag); err != nil {
		return "", fmt.Errorf("--ddf: %w", err)
	}
	return flag, nil
}
