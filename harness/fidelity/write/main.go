// Command write prints how true the simulated devices are, as a page of Markdown.
package main

import (
	"fmt"
	"os"

	"github.com/dmwake/dmwake/harness/fidelity"
)

func main() {
	page, err := fidelity.Markdown()
	if err == nil {
		_, err = fmt.Print(page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
