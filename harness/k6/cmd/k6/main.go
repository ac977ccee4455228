// Command k6 is k6 with dmwake in it: import dmwake from "k6/x/dmwake". The
// extension's source is under Apache-2.0; this program, linked with k6, is under
// AGPL-3.0 (see NOTICE).
package main

import (
	"go.k6.io/k6/v2/cmd"

	_ "github.com/dmwake/dmwake/harness/k6" // the extension
)

func main() { cmd.Execute() }
