package faults

import (
	"errors"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// wipeFails keeps a wipe from happening. A device whose recovery environment is off
// answers 500 (fleet issues 34994 and 42230); builds 22621 and 22631 with the update of
// August 2025 answered 200, and were rolled back (reports in the press).
type wipeFails struct{ how string }

func newWipeFails(arg string) (dmclient.Fault, error) {
	switch arg {
	case "", "refused":
		return wipeFails{"refused"}, nil
	case "rolled-back":
		return wipeFails{"rolled back"}, nil
	}
	return nil, errors.New("use refused or rolled-back")
}

func (wipeFails) Fault() string { return "cannot be wiped" }

func (f wipeFails) Fact(name string) (string, bool) { return f.how, name == "WipeFails" }
