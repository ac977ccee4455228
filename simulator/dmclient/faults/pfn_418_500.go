package faults

import (
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// pfn418then500 is the bug report that started this project: 418 for Add and
// 500 for Replace of the PFN.
type pfn418then500 struct{}

func (pfn418then500) Fault() string { return "418 for Add, 500 for Replace of the PFN" }

func (pfn418then500) Answer(verb syncml.Verb, locURI string) (int, bool) {
	if !strings.HasSuffix(strings.ToLower(locURI), "/push/pfn") {
		return 0, false
	}
	switch verb {
	case syncml.Add:
		return syncml.AlreadyExists, true
	case syncml.Replace:
		return syncml.CommandFailed, true
	}
	return 0, false
}
