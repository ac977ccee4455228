package faults

import "github.com/dmwake/dmwake/fakewns"

func delay(arg string) (fakewns.Fault, error) {
	d, err := span(arg, 0)
	return fakewns.Fault{Delay: d}, err
}
