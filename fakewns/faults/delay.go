package faults

import (
	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

func delay(arg faultspec.Value) (fakewns.Fault, error) {
	d, err := faultspec.Duration(arg.Text(), 0)
	return fakewns.Fault{Delay: d}, err
}
