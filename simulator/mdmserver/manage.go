package mdmserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

const maxMessage = 1 << 20 // bytes of a device's message

// manage serves one message of a session.
func (s *Server) manage(w http.ResponseWriter, r *http.Request) {
	caller := &Caller{Request: r}
	if caller.ID, caller.Refusal = s.identify(r); s.turnedAway(w, caller) {
		return
	}
	raw, err := readAll(http.MaxBytesReader(w, r.Body, maxMessage), r.ContentLength)
	if err != nil {
		http.Error(w, "the message could not be read", http.StatusBadRequest)
		return
	}
	m, wbxml, err := readMessage(r.Header.Get("Content-Type"), raw)
	if err != nil {
		http.Error(w, "the message is not SyncML 1.2", http.StatusBadRequest)
		return
	}
	caller.Body = raw
	if caller.Refusal = s.signed(r, raw); s.turnedAway(w, caller) {
		return
	}
	id, source := caller.ID, m.Hdr.Source.LocURI
	switch {
	case id == "":
		id = source
	case id != source && !s.cfg.IgnoreSource:
		refuse(w, "the client certificate belongs to another device than the Source")
		return
	}
	tokens, err := s.present(r, id, m)
	if err != nil {
		s.log.Info("management refused", "device", id, "err", err)
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 section 3
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	reply, status := s.locked(id, m, tokens)
	switch status {
	case http.StatusOK:
		write(w, reply, wbxml)
	case http.StatusForbidden:
		refuse(w, "the device is not enrolled")
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(s.sessionWindow().Seconds()))))
		fallthrough
	default:
		http.Error(w, "the session was refused", status)
	}
}

// turnedAway refuses a caller who may not send messages.
func (s *Server) turnedAway(w http.ResponseWriter, c *Caller) bool {
	for _, f := range s.cfg.Tamper.Identify {
		f(c)
	}
	if c.Refusal == nil {
		return false
	}
	s.log.Info("management refused", "err", c.Refusal)
	if c.Body == nil {
		refuse(w, "a client certificate of an enrolled device is required")
	} else {
		refuse(w, "the message must be signed by the device's certificate (MS-Signature)")
	}
	return true
}

func refuse(w http.ResponseWriter, why string) { http.Error(w, why, http.StatusForbidden) }

// identify gives the DeviceID of the client certificate.
func (s *Server) identify(r *http.Request) (id string, err error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", errors.New("no client certificate")
	}
	return s.owner(r.TLS.PeerCertificates[0])
}

// signed checks MS-Signature if Config.RequireSigning says so.
func (s *Server) signed(r *http.Request, raw []byte) error {
	switch {
	case !s.cfg.RequireSigning:
		return nil
	case r.TLS == nil || len(r.TLS.PeerCertificates) == 0:
		return errors.New("no client certificate to check the signature with")
	}
	return checkSignature(r, r.TLS.PeerCertificates[0], raw)
}

// readAll reads a body; n is its declared length, -1 if it has none.
func readAll(body io.Reader, n int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(n, 0)+bytes.MinRead, 64<<10)))
	_, err := b.ReadFrom(body)
	return b.Bytes(), err
}

// readMessage reads XML or WBXML, as the Content-Type says.
func readMessage(contentType string, raw []byte) (m *syncml.Message, wbxml bool, err error) {
	wbxml = strings.HasPrefix(strings.ToLower(contentType), syncml.MediaTypeWBXML)
	if wbxml {
		m, err = syncml.ReadWBXML(raw, syncml.Limits{})
	} else {
		m, err = syncml.Read(raw)
	}
	if err == nil && m.Namespace != syncml.Namespace {
		err = fmt.Errorf("%w: namespace %q", syncml.ErrNotSyncML, m.Namespace)
	}
	return m, wbxml, err
}

func write(w http.ResponseWriter, m *syncml.Message, wbxml bool) {
	encode, media := syncml.Write, syncml.MediaType
	if wbxml {
		encode, media = syncml.WriteWBXML, syncml.MediaTypeWBXML
	}
	body, err := encode(m)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) //nolint:errcheck // the device is gone
}

// locked is converse under s.mu, which a hook that panics gives back, too.
func (s *Server) locked(id string, m *syncml.Message, tokens presented) (*syncml.Message, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.converse(id, m, tokens)
}
