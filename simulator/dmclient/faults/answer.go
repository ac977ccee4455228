package faults

import (
	"errors"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/faultspec"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// newAnswer makes a dmclient.AnswerWith of "Replace:/Push/PFN:500".
func newAnswer(arg string) (dmclient.Fault, error) {
	parts := strings.Split(arg, ":")
	if len(parts) != 3 && len(parts) != 4 {
		return nil, errors.New("use VERB:SUFFIX:CODE, such as Replace:/Push/PFN:500")
	}
	if parts[1] == "" {
		return nil, errors.New("SUFFIX is empty; use the end of a LocURI, such as /Push/PFN")
	}
	f := &dmclient.AnswerWith{Suffix: parts[1]}
	if parts[0] != "*" {
		if f.Verb = syncml.Verb(parts[0]); !f.Verb.Known() {
			return nil, errors.New(strconv.Quote(parts[0]) + " is not a verb; use Add, Replace, Get, Delete, Exec or *")
		}
	}
	var err error
	if f.Code, err = strconv.Atoi(parts[2]); err != nil || f.Code < 200 || f.Code > 599 {
		return nil, errors.New(strconv.Quote(parts[2]) + " is not a status from 200 to 599")
	}
	if len(parts) == 4 {
		n, err := faultspec.Number(parts[3], 0)
		if err != nil {
			return nil, err
		}
		f.Times = int64(n)
	}
	return f, nil
}
