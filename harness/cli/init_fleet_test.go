package cli

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// fleetLike is a server with Fleet's endpoints before the reference server: hosts
// enroll by the agent's node key, and its API queues an Exec for a host's uuid. The
// preset names what it was read from.
type fleetLike struct {
	url           string
	ca            []byte // PEM
	secret, token string
	admin         http.Handler

	mu       sync.Mutex
	hosts    map[string]string // the uuid, by node key
	devices  map[string]string // the DeviceID, by uuid
	commands map[string]bool   // CmdIDs
}

func startFleet(t *testing.T, secret, token string) *fleetLike {
	t.Helper()
	f := &fleetLike{secret: secret, token: token, hosts: map[string]string{}, devices: map[string]string{}, commands: map[string]bool{}}
	var devices http.Handler
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { devices.ServeHTTP(w, r) }))
	f.url = "https://" + srv.Listener.Addr().String()
	const under = "/api/mdm/microsoft"
	server, err := mdmserver.New(mdmserver.Config{BaseURL: f.url + under, Username: "nobody", Password: rand.Text(), QueueVerbs: []syncml.Verb{syncml.Exec},
		Tamper: mdmserver.Tamper{Authenticate: []func(*mdmserver.Enrollment){f.admit}}})
	if err != nil {
		t.Fatal(err)
	}
	f.admin = server.Admin("")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/fleet/orbit/enroll", f.orbit)
	mux.HandleFunc("GET /api/v1/fleet/hosts/identifier/{id}", f.host)
	mux.HandleFunc("POST /api/v1/fleet/commands/run", f.run)
	mux.HandleFunc(under+"/discovery", func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = mdmserver.DiscoveryPath
		server.ServeHTTP(w, r)
	})
	mux.Handle(under+"/", http.StripPrefix(under, server))
	devices = mux
	srv.TLS = server.TLS(&tls.Config{MinVersion: tls.VersionTLS12})
	srv.StartTLS()
	t.Cleanup(func() { srv.Close(); server.Close() })
	f.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	return f
}

// orbit enrolls a host for the agent.
func (f *fleetLike) orbit(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Secret   string `json:"enroll_secret"`
		UUID     string `json:"hardware_uuid"`
		Serial   string `json:"hardware_serial"`
		Hostname string `json:"hostname"`
		Platform string `json:"platform"`
	}
	if err := strict(r, &body); err != nil || body.UUID == "" || body.Platform != "windows" {
		http.Error(w, fmt.Sprintf(`{"message":"bad request: %v"}`, err), http.StatusBadRequest)
		return
	}
	if body.Secret != f.secret {
		http.Error(w, `{"message":"Authentication failed","errors":[{"reason":"invalid secret"}]}`, http.StatusUnauthorized)
		return
	}
	key := rand.Text()
	f.mu.Lock()
	f.hosts[key] = body.UUID
	f.mu.Unlock()
	json.NewEncoder(w).Encode(map[string]string{"orbit_node_key": key})
}

// admit lets in requests of enrollment with the node key of a host.
func (f *fleetLike) admit(x *mdmserver.Enrollment) {
	if x.Renewal {
		return
	}
	e := x.Envelope
	x.Fault = &enroll.Fault{Code: "Receiver", Subcode: enroll.FaultAuthentication, Reason: "binary security token: host not found for orbit node key"}
	var token struct {
		Type    int `json:"type"`
		Payload struct {
			Key string `json:"orbit_node_key"`
		} `json:"payload"`
	}
	if e.TokenType != enroll.UserToken || json.Unmarshal(e.Token, &token) != nil || token.Type != 1 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	uuid, known := f.hosts[token.Payload.Key]
	if !known {
		return
	}
	x.Fault = nil
	if rst, err := e.TokenRequest(); err == nil {
		f.devices[uuid] = rst.Item("DeviceID")
	}
}

func (f *fleetLike) authorized(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") == "Bearer "+f.token {
		return true
	}
	http.Error(w, `{"message":"Authentication required"}`, http.StatusUnauthorized)
	return false
}

func (f *fleetLike) host(w http.ResponseWriter, r *http.Request) {
	if !f.authorized(w, r) {
		return
	}
	id := r.PathValue("id")
	f.mu.Lock()
	_, known := f.devices[id]
	f.mu.Unlock()
	if !known {
		http.Error(w, `{"message":"Resource Not Found"}`, http.StatusNotFound)
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"host": map[string]any{"id": 7, "uuid": id}})
}

// run queues one Exec for the hosts.
func (f *fleetLike) run(w http.ResponseWriter, r *http.Request) {
	if !f.authorized(w, r) {
		return
	}
	var body struct {
		Command string   `json:"command"`
		Hosts   []string `json:"host_uuids"`
	}
	var cmd struct {
		XMLName xml.Name
		CmdID   string
		Item    []struct {
			Target struct{ LocURI string }
			Meta   struct {
				Format string `xml:"syncml:metinf Format"`
			}
			Data string
		}
	}
	err := strict(r, &body)
	raw, bad := base64.StdEncoding.DecodeString(body.Command)
	if err = errors.Join(err, bad); err == nil {
		err = xml.Unmarshal(raw, &cmd)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil:
	case cmd.XMLName.Local != "Exec" || len(cmd.Item) != 1:
		err = errors.New("you can run only a single <Exec> command")
	case cmd.CmdID == "" || f.commands[cmd.CmdID]:
		err = errors.New("duplicate command uuid")
	case len(body.Hosts) != 1 || f.devices[body.Hosts[0]] == "":
		err = errors.New("no hosts targeted")
	}
	if err != nil {
		http.Error(w, fmt.Sprintf(`{"message":%q}`, err), http.StatusUnprocessableEntity)
		return
	}
	f.commands[cmd.CmdID] = true
	item := cmd.Item[0]
	queue, _ := json.Marshal(map[string]string{"verb": "Exec", "locURI": item.Target.LocURI, "format": item.Meta.Format, "data": item.Data})
	f.admin.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://127.0.0.1/devices/"+f.devices[body.Hosts[0]]+"/commands", bytes.NewReader(queue)))
}

func strict(r *http.Request, v any) error {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// refuses is a server that refuses a RequestVersion by a SOAP fault.
func refuses(version string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if e, err := enroll.ReadEnvelope(raw); err == nil {
			if d, err := e.DiscoverRequest(); err == nil && d.RequestVersion == version {
				out, _ := (&enroll.Fault{Code: "Receiver", Subcode: "EnrollmentServer", Reason: "RequestVersion"}).Write(e.MessageID, "a")
				w.WriteHeader(http.StatusInternalServerError)
				w.Write(out)
				return
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		next.ServeHTTP(w, r)
	})
}
