package mdmserver

import (
	"fmt"
	"io"
	"net/http"

	"github.com/google/uuid"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// service answers one enrollment request with a message or with a fault.
type service func(*http.Request, *enroll.Envelope) (body []byte, fault *enroll.Fault)

// soap serves an enrollment service over HTTP.
func (s *Server) soap(serve service) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, enroll.MaxMessage))
		if err != nil {
			http.Error(w, "the request could not be read", http.StatusBadRequest)
			return
		}
		var body []byte
		var fault *enroll.Fault
		e, err := enroll.ReadEnvelope(raw)
		if err != nil {
			e, fault = &enroll.Envelope{}, malformed(err)
		} else {
			body, fault = serve(r, e)
		}
		status := http.StatusOK
		if fault != nil {
			status = http.StatusInternalServerError // SOAP 1.2 part 2, section 7.4.2
			if body, err = fault.Write(e.MessageID, uuid.NewString()); err != nil {
				http.Error(w, "internal error", status)
				return
			}
		}
		w.Header().Set("Content-Type", enroll.MediaType)
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.WriteHeader(status)
		w.Write(body) //nolint:errcheck // the device is gone
	}
}

// written turns the result of a Write into the result of a service.
func written(body []byte, err error) ([]byte, *enroll.Fault) {
	if err != nil {
		return nil, &enroll.Fault{Code: "Receiver", Subcode: "EnrollmentServer", Reason: err.Error()}
	}
	return body, nil
}

func malformed(err error) *enroll.Fault {
	return &enroll.Fault{Code: "Sender", Subcode: enroll.FaultMessageFormat, Reason: err.Error()}
}

func badRequest(err error) *enroll.Fault {
	return &enroll.Fault{Code: "Sender", Subcode: enroll.FaultCertificate, Reason: err.Error()}
}
