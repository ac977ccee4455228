package control

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"github.com/dmwake/dmwake/fakewns/faults"
)

// ActiveFault is an injected fault.
type ActiveFault struct {
	ID    uint64    `json:"id"`
	Fault string    `json:"fault"`
	On    string    `json:"on"`
	Hits  int       `json:"hits"`
	Until time.Time `json:"until,omitzero"`
}

// FaultKind describes one kind of fault.
type FaultKind struct {
	Name string `json:"name"`
	Arg  string `json:"arg"`
	On   string `json:"on"`
	Does string `json:"does"`
}

func (a *api) faults(*http.Request) (any, error) {
	out := []ActiveFault{}
	for _, f := range a.wns.Faults() {
		out = append(out, ActiveFault{ID: f.ID, Fault: f.Name, On: string(f.On), Hits: f.Hits, Until: f.Until})
	}
	return out, nil
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
	return created{ActiveFault{ID: id, Fault: f.Name, On: string(f.On), Until: f.Until}}, nil
}

func (a *api) deleteFault(r *http.Request) (any, error) {
	id, err := strconv.ParseUint(mux.Vars(r)["id"], 10, 64)
	if err != nil || !a.wns.RemoveFault(id) {
		return nil, notFound("unknown fault %s", mux.Vars(r)["id"])
	}
	return nil, nil
}

func (a *api) deleteFaults(*http.Request) (any, error) {
	for _, f := range a.wns.Faults() {
		a.wns.RemoveFault(f.ID)
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
