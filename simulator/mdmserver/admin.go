package mdmserver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/dmwake/dmwake/harness/guard"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// deviceView is a device as the admin API shows it. The channel URI is a
// secret and left out.
type deviceView struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	OS         string     `json:"os"`
	Type       string     `json:"type"`
	Enrolled   time.Time  `json:"enrolled"`
	Active     bool       `json:"active"`
	Sessions   int        `json:"sessions"`
	Login      string     `json:"login"` // LoginStatus of the last session
	User       string     `json:"user"`  // who is logged in, as a verified token of the directory says
	HasChannel bool       `json:"hasChannel"`
	Push       PushState  `json:"push"`
	Commands   []*Command `json:"commands"`
	// LinkStatus and LinkError are EnrollStatus and LastError of its linked enrollment,
	// Documents what a linked enrollment told of its documents.
	LinkStatus string         `json:"linkStatus,omitempty"`
	LinkError  string         `json:"linkError,omitempty"`
	Documents  []documentView `json:"documents,omitempty"`
}

// readyPath is that of the fake WNS's control API, too.
const readyPath = "/readyz"

// Admin is the API for the server's operator:
//
//	GET  /devices[?active=true]        all devices
//	GET  /devices/{id}                 one device with its commands and results
//	POST /devices/{id}/commands        queue {"verb","locURI","format","data"}; 201 and the command
//	POST /devices/{id}/profile         queue what the device lacks of the profile's {"revision"}; 202
//	POST /devices/{id}/push            wake the device; 202, the push goes on in the background
//	GET  /devices/{id}/linked          its linked enrollment, with Config.Linked: documents, commands and results
//	POST /devices/{id}/linked/commands queue a command there; 201 and the command
//	POST /devices/{id}/unenroll        end its management in its next session; 202
//	GET  /readyz                       200 once it serves; needs no token
//	POST /restart                      start again: sessions and tokens are gone, devices and commands are not; 204
//
// Errors are {"error": "..."} with 400, 401, 403, 404 or 409. A token, if not
// empty, must come as a Bearer token. Without one the API answers only to requests
// whose Host is loopback's: a test that calls the handler itself asks for
// "http://127.0.0.1/devices". Web pages of other origins are always refused.
func (s *Server) Admin(token string) http.Handler {
	r := mux.NewRouter()
	r.Path("/devices").Methods(http.MethodGet).HandlerFunc(s.listDevices)
	r.Path("/devices/{id}").Methods(http.MethodGet).HandlerFunc(s.oneDevice)
	r.Path("/devices/{id}/commands").Methods(http.MethodPost).HandlerFunc(s.queueCommand)
	r.Path("/devices/{id}/profile").Methods(http.MethodPost).HandlerFunc(s.applyProfile)
	r.Path("/devices/{id}/push").Methods(http.MethodPost).HandlerFunc(s.pushDevice)
	r.Path("/devices/{id}/unenroll").Methods(http.MethodPost).HandlerFunc(s.unenrollDevice)
	if s.linked != nil {
		r.Path("/devices/{id}/linked").Methods(http.MethodGet).HandlerFunc(s.linked.oneDevice)
		r.Path("/devices/{id}/linked/commands").Methods(http.MethodPost).HandlerFunc(s.linked.queueCommand)
	}
	r.Path("/restart").Methods(http.MethodPost).HandlerFunc(s.restart)
	r.Path(readyPath).Methods(http.MethodGet).HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ready\n") }) //nolint:errcheck // the client is gone
	return guard.Handler(r, guard.Options{Name: "admin API", Advice: guard.WithToken, Token: token, Open: []string{readyPath}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // people read it, and no browser takes it for HTML
	enc.Encode(v)            //nolint:errcheck // the client is gone
}

func fail(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

// view copies a device; the caller holds s.mu.
func (d *Device) view() deviceView {
	v := deviceView{ID: d.ID, Name: d.Name, OS: d.OS, Type: d.Type, Enrolled: d.Enrolled, Active: d.Active,
		Sessions: d.Sessions, Login: d.Login, User: d.User, HasChannel: d.Push.URI != "", Push: d.Push, Commands: []*Command{},
		LinkStatus: d.link.told, LinkError: d.link.err, Documents: d.documents()}
	for _, c := range d.Commands {
		k := *c
		v.Commands = append(v.Commands, &k)
	}
	return v
}

func (s *Server) listDevices(w http.ResponseWriter, r *http.Request) {
	active := r.URL.Query().Get("active") == "true"
	s.mu.Lock()
	list := []deviceView{}
	for _, d := range s.devices {
		if d.Active || !active {
			list = append(list, d.view())
		}
	}
	s.mu.Unlock()
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	answer(w, http.StatusOK, list)
}

// find gives the device that a request names. It answers 404 and gives nil for an
// unknown one.
func (s *Server) find(w http.ResponseWriter, r *http.Request) *Device {
	id := mux.Vars(r)["id"]
	s.mu.Lock()
	d := s.devices[id]
	s.mu.Unlock()
	if d == nil {
		fail(w, http.StatusNotFound, fmt.Errorf("device %q is not enrolled", id))
	}
	return d
}

func (s *Server) oneDevice(w http.ResponseWriter, r *http.Request) {
	if d := s.find(w, r); d != nil {
		s.mu.Lock()
		v := d.view()
		s.mu.Unlock()
		answer(w, http.StatusOK, v)
	}
}

// How many commands of one device are kept: all that wait, and the latest of
// those that are done, fewer with many devices.
const (
	maxQueued  = 1000
	maxDone    = 100
	minDone    = 2
	maxDoneAll = 20_000
)

// forgetDone drops the oldest done commands of one device among so many. The
// caller holds s.mu.
func (d *Device) forgetDone(devices int) {
	maxDone := min(max(maxDoneAll/max(devices, 1), minDone), maxDone)
	done := 0
	for _, c := range d.Commands {
		if c.State == StateDone {
			done++
		}
	}
	if done <= maxDone {
		return
	}
	keep := d.Commands[:0]
	for _, c := range d.Commands {
		if c.State == StateDone && done > maxDone/2 {
			done--
			continue
		}
		keep = append(keep, c)
	}
	clear(d.Commands[len(keep):])
	d.Commands = keep
}

func (s *Server) queueCommand(w http.ResponseWriter, r *http.Request) {
	d := s.find(w, r)
	if d == nil {
		return
	}
	var c Command
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("cannot read the command: %w", err))
		return
	}
	switch c.Verb {
	case syncml.Add, syncml.Replace, syncml.Get, syncml.Delete, syncml.Exec:
	default:
		fail(w, http.StatusBadRequest, fmt.Errorf("unknown verb %q; use Add, Replace, Get, Delete or Exec", c.Verb))
		return
	}
	if len(s.cfg.QueueVerbs) > 0 && !slices.Contains(s.cfg.QueueVerbs, c.Verb) {
		fail(w, http.StatusBadRequest, fmt.Errorf("this server queues no %s", c.Verb))
		return
	}
	if !strings.HasPrefix(c.LocURI, "./") {
		fail(w, http.StatusBadRequest, fmt.Errorf("locURI %q must start with ./", c.LocURI))
		return
	}
	queued := &Command{ID: uuid.NewString(), Verb: c.Verb, LocURI: c.LocURI, Format: c.Format, Data: c.Data, State: StateQueued}
	s.mu.Lock()
	d.forgetDone(len(s.devices))
	full := len(d.Commands) >= maxQueued
	if !full {
		d.Commands = append(d.Commands, queued)
		s.changed(Change{Moment: Queued, Device: d, Command: queued})
	}
	view := *queued
	s.mu.Unlock()
	if s.cfg.AutoPush && !full {
		s.sender.push(d) //nolint:errcheck // without a channel it comes by polling
	}
	if full {
		fail(w, http.StatusConflict, fmt.Errorf("the device has %d commands already", maxQueued))
		return
	}
	answer(w, http.StatusCreated, view)
}

func (s *Server) pushDevice(w http.ResponseWriter, r *http.Request) {
	d := s.find(w, r)
	if d == nil {
		return
	}
	if err := s.sender.push(d); err != nil {
		fail(w, http.StatusConflict, err)
		return
	}
	answer(w, http.StatusAccepted, map[string]string{"push": "started"})
}
