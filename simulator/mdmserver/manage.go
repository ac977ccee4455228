package mdmserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

const maxMessage = 1 << 20 // bytes of a device's message

// errNotSigned refuses a message without a right MS-Signature.
var errNotSigned = errors.New("the message must be signed by the device's certificate (MS-Signature)")

// manage serves one message of a session.
func (s *Server) manage(w http.ResponseWriter, r *http.Request) {
	id, err := s.identify(r)
	if err != nil {
		s.log.Info("management refused", "err", err)
		turnAway(w, "a client certificate of an enrolled device is required")
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
	if err := s.signed(r, raw); err != nil {
		s.log.Info("message refused", "err", err)
		turnAway(w, errNotSigned.Error())
		return
	}
	if id == "" {
		id = m.Hdr.Source.LocURI
	}
	if m.Hdr.Source.LocURI != id && !s.cfg.IgnoreSource {
		turnAway(w, "the client certificate belongs to another device than the Source")
		return
	}
	reply, status := s.locked(id, m)
	switch status {
	case http.StatusOK:
		write(w, reply, wbxml)
	case http.StatusForbidden:
		turnAway(w, "the device is not enrolled")
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
		fallthrough
	default:
		http.Error(w, "the session was refused", status)
	}
}

// identify gives the DeviceID of the client certificate. It is empty only by a
// hook.
func (s *Server) identify(r *http.Request) (id string, err error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		err = errors.New("no client certificate")
	} else {
		id, err = s.ca.verify(r.TLS.PeerCertificates[0], time.Now())
	}
	for _, f := range s.cfg.Tamper.Identify {
		id, err = f(r, id, err)
	}
	return id, err
}

// signed checks MS-Signature if Config.RequireSigning says so.
func (s *Server) signed(r *http.Request, raw []byte) error {
	if !s.cfg.RequireSigning {
		return nil
	}
	return checkSignature(r, r.TLS.PeerCertificates[0], raw)
}

// turnAway refuses a caller that is not let in.
func turnAway(w http.ResponseWriter, why string) { http.Error(w, why, http.StatusForbidden) }

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
func (s *Server) locked(id string, m *syncml.Message) (*syncml.Message, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.converse(id, m)
}
