package result

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/report"
)

// Instance is what one of several k6 processes did in its script: one result per
// batch, in order.
type Instance struct {
	Kind    string    `json:"kind"` // KindInstance
	Dmwake  string    `json:"dmwake"`
	TestID  string    `json:"testid"`
	ID      string    `json:"instance"` // its instance_id; empty for a single process
	Batches []*Result `json:"batches"`
	// Whole is false if the script did not reach its end.
	Whole bool `json:"whole"`
}

// KindInstance is Instance.Kind.
const KindInstance = "load-instance"

// InstanceMark begins the log line that holds an Instance.
const InstanceMark = "dmwake-instance: "

// NewInstance returns an Instance without batches.
func NewInstance(testID, id string) *Instance {
	return &Instance{Kind: KindInstance, Dmwake: report.Version, TestID: testID, ID: id}
}

// ReadInstance reads an Instance from its file or from a log. In a log the last
// line with InstanceMark counts.
func ReadInstance(path string) (*Instance, error) {
	raw, err := bounded.ReadFile(path, bounded.Results)
	if err != nil {
		return nil, err
	}
	text := string(raw)
	if i := strings.LastIndex(text, InstanceMark); i >= 0 {
		text, _, _ = strings.Cut(text[i+len(InstanceMark):], "\n")
	}
	var in Instance
	switch err := json.Unmarshal([]byte(text), &in); {
	case err != nil || in.Kind != KindInstance:
		return nil, fmt.Errorf("%s is not the result of a k6 process: give the result file of the script, or a log with a line %q", path, strings.TrimSpace(InstanceMark))
	case len(in.Batches) == 0:
		return nil, fmt.Errorf("%s: the process started no wake-ups", path)
	}
	for _, b := range in.Batches {
		if b == nil {
			return nil, fmt.Errorf("%s: a batch is missing", path)
		}
	}
	return &in, nil
}
