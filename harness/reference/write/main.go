// Command write writes the pages of the reference into a folder.
package main

import (
	"fmt"
	"os"

	"github.com/dmwake/dmwake/harness/reference"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: write FOLDER")
		os.Exit(2)
	}
	if err := reference.Write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
