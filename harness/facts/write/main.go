// Command write prints harness/docs/facts.md.
package main

import (
	"fmt"
	"os"

	"github.com/dmwake/dmwake/harness/facts"
)

func main() {
	if _, err := fmt.Print(facts.Markdown()); err != nil {
		os.Exit(1)
	}
}
