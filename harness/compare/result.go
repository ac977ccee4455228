package compare

import (
	"slices"
	"strings"
)

// Result says how one real device and the simulated one differ.
type Result struct {
	Device     string `json:"device"`
	Build      int    `json:"build"` // 0: the file does not tell
	Profile    string `json:"profile"`
	ProfileWhy string `json:"profileWhy"`
	// Messages counts the compared requests, and Equal the ones without a difference.
	// ByteMessages counts the requests whose exact bytes are in the file, and Bytes the
	// ones among them that the simulated device sent byte for byte.
	Messages     int `json:"messages"`
	Equal        int `json:"equal"`
	ByteMessages int `json:"byteMessages"`
	Bytes        int `json:"bytes"`

	Differences []Difference `json:"differences"`
	// Skipped is what is known to differ and is not counted, by kind.
	Skipped []Skip `json:"skipped"`
	// Notes say what could not be compared.
	Notes []string `json:"notes"`
}

// Difference is one place where the simulated device differs from the real one.
type Difference struct {
	Kind    DiffKind `json:"kind"`
	Message int      `json:"message"` // of the device in the file, from 1
	What    string   `json:"what"`    // the kind of message: "RST", "session 3 message 2"
	// Again are further messages of the file with the same difference.
	Again []int `json:"again,omitempty"`
	// Command is the server's command that it is about, Path where it stands.
	Command   string `json:"command,omitempty"`
	Path      string `json:"path"`
	Real      string `json:"real"`
	Simulated string `json:"simulated"`
	Means     string `json:"means"`
}

// Skip is a kind of value that was not counted.
type Skip struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
}

// DiffKind is a kind of difference.
type DiffKind string

// The kinds, in the order of a report.
const (
	KindFailed      DiffKind = "failed"       // the simulated device could not go on
	KindMessage     DiffKind = "message"      // a request is missing, or there is one more
	KindCommand     DiffKind = "command"      // a command, Status or Results is missing, or there is one more
	KindStatus      DiffKind = "status"       // another status
	KindNodeUnknown DiffKind = "node unknown" // 404 where Windows has the node
	KindNodeExtra   DiffKind = "node extra"   // a node that Windows answers with 404
	KindFormat      DiffKind = "format"       // another Format, or none
	KindItem        DiffKind = "item"
	KindElement     DiffKind = "element"
	KindValue       DiffKind = "value"
	KindOrder       DiffKind = "order"
	KindNumbering   DiffKind = "numbering"
	KindHeader      DiffKind = "header"
	KindHTTP        DiffKind = "http" // method, path, query, version
	KindCSR         DiffKind = "csr"
	KindForm        DiffKind = "form"  // namespace, prefix or attribute
	KindBytes       DiffKind = "bytes" // equal XML, other bytes
)

// DiffKinds lists all kinds.
func DiffKinds() []DiffKind {
	return []DiffKind{KindFailed, KindMessage, KindCommand, KindStatus, KindNodeUnknown, KindNodeExtra, KindFormat, KindItem, KindElement, KindValue,
		KindOrder, KindNumbering, KindHeader, KindHTTP, KindCSR, KindForm, KindBytes}
}

// Same reports whether nothing differs.
func (r *Result) Same() bool { return len(r.Differences) == 0 }

// sort groups the differences by kind, in the order of the messages, and joins equal
// ones.
func (r *Result) sort() {
	type same struct {
		kind                           DiffKind
		command, path, real, simulated string
	}
	at := map[same]int{}
	var list []Difference
	for _, d := range r.Differences {
		k := same{d.Kind, d.Command, d.Path, d.Real, d.Simulated}
		if i, known := at[k]; known {
			list[i].Again = append(list[i].Again, d.Message)
			continue
		}
		at[k] = len(list)
		list = append(list, d)
	}
	r.Differences = append([]Difference{}, list...)
	kinds := DiffKinds()
	slices.SortStableFunc(r.Differences, func(a, b Difference) int {
		if a.Kind != b.Kind {
			return slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind)
		}
		return a.Message - b.Message
	})
	slices.SortFunc(r.Skipped, func(a, b Skip) int { return strings.Compare(a.Kind, b.Kind) })
}

// skip counts values of a kind that are known to differ.
func (r *Result) skip(kind string, n int) {
	for i := range r.Skipped {
		if r.Skipped[i].Kind == kind {
			r.Skipped[i].Count += n
			return
		}
	}
	r.Skipped = append(r.Skipped, Skip{kind, n})
}
