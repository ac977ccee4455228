package target

import (
	"fmt"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

// CSP is what devices know of configuration service providers.
type CSP struct {
	// DDF is a zip of DDF v2 files, in place of Microsoft's of February 2025.
	DDF string `yaml:"ddf"`
}

// Base is what devices have from DDF; nil if it is not set.
func (c *CSP) Base() (csp.Base, error) {
	if c.DDF == "" {
		return nil, nil
	}
	b, err := ddf.ZipBase(c.DDF)
	if err != nil {
		return nil, fmt.Errorf("csp.ddf: %w", err)
	}
	return b, nil
}

// complete reads the file, so that a mistake is told before anything starts.
func (c *CSP) complete(dir string) error {
	if c.DDF == "" {
		return nil
	}
	c.DDF = inDir(dir, c.DDF)
	_, err := c.Base()
	return err
}
