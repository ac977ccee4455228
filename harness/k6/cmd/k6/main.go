// Command k6 is k6 with the dmwake extension: import dmwake from "k6/x/dmwake". The
// source of the extension is under Apache-2.0. This program is linked with k6, and
// therefore under AGPL-3.0 (see NOTICE).
package main

import (
	"go.k6.io/k6/v2/cmd"

	_ "github.com/dmwake/dmwake/harness/k6" // the extension
)

func main() { cmd.Execute() }
