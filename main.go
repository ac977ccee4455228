// Command dmwake stands in for Windows devices and for Microsoft's push
// service, so that any Windows MDM server's push path can be tested.
package main

import (
	"os"

	"github.com/dmwake/dmwake/harness/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
