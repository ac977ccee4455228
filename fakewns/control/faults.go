package control

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/harness/redact"
)

// ActiveFault is an injected fault, and the requests it is bound to.
type ActiveFault struct {
	ID          uint64    `json:"id"`
	Fault       string    `json:"fault"`
	On          string    `json:"on"`
	App         string    `json:"app,omitempty"`     // PFN
	Channel     string    `json:"channel,omitempty"` // id; a URI is a secret
	Device      string    `json:"device,omitempty"`
	Namespace   string    `json:"namespace,omitempty"`
	Header      string    `json:"header,omitempty"`
	Times       int       `json:"times,omitempty"`
	Left        int       `json:"left,omitempty"` // of times
	Probability float64   `json:"probability,omitempty"`
	Hits        int       `json:"hits"`
	From        time.Time `json:"from,omitzero"`
	Until       time.Time `json:"until,omitzero"`
}

// FaultKind describes one kind of fault.
type FaultKind struct {
	Name string `json:"name"`
	Arg  string `json:"arg"`
	On   string `json:"on"`
	Does string `json:"does"`
}

func (a *api) faults(r *http.Request) (any, error) {
	if err := parameters(r, "namespace"); err != nil {
		return nil, err
	}
	out := []ActiveFault{}
	for _, f := range a.wns.Faults() {
		if !a.within(r, f.Namespace, f.Device) {
			continue
		}
		out = append(out, a.active(f))
	}
	return out, nil
}

// active is a fault as the API shows it.
func (a *api) active(f fakewns.ActiveFault) ActiveFault {
	out := ActiveFault{ID: f.ID, Fault: f.Name, On: string(f.On), App: f.App, Channel: f.Channel, Device: f.Device, Namespace: f.Namespace, Header: f.Header,
		Times: f.Times, Left: max(f.Left, 0), Probability: f.Probability, Hits: f.Hits, From: f.From, Until: f.Until}
	if strings.Contains(f.Channel, "?") {
		out.Channel = redact.Hidden
		for _, c := range a.wns.ChannelsOf(func(c fakewns.Channel) bool { return c.URI == f.Channel }) {
			out.Channel = c.ID
		}
	}
	return out
}

func (a *api) addFault(r *http.Request) (any, error) {
	var rule faults.Rule
	if err := read(r, &rule); err != nil {
		return nil, err
	}
	f, err := rule.Build()
	if err != nil {
		return nil, err
	}
	id := a.wns.InjectID(f)
	for _, live := range a.wns.Faults() {
		if live.ID == id {
			return created{a.active(live)}, nil
		}
	}
	return nil, errors.New("the fault was removed meanwhile")
}

func (a *api) deleteFault(r *http.Request) (any, error) {
	id, err := strconv.ParseUint(mux.Vars(r)["id"], 10, 64)
	if err != nil || !a.wns.RemoveFault(id) {
		return nil, notFound("unknown fault %s", mux.Vars(r)["id"])
	}
	return nil, nil
}

// within reports whether a fault is of the namespace that a request names, if it names
// one: bound to it, or to one of its devices.
func (a *api) within(r *http.Request, namespace, device string) bool {
	want := r.URL.Query().Get("namespace")
	return want == "" || want == namespace || want == a.wns.Namespace(device)
}

func (a *api) deleteFaults(r *http.Request) (any, error) {
	if err := parameters(r, "namespace"); err != nil {
		return nil, err
	}
	for _, f := range a.wns.Faults() {
		if a.within(r, f.Namespace, f.Device) {
			a.wns.RemoveFault(f.ID)
		}
	}
	return nil, nil
}

func (a *api) faultKinds(*http.Request) (any, error) {
	out := []FaultKind{}
	for _, k := range faults.All() {
		out = append(out, FaultKind{k.Name, k.Arg, string(k.On), k.Does})
	}
	return out, nil
}
