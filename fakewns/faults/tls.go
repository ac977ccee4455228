package faults

import (
	"crypto/tls"
	"errors"
)

// tlsFails aborts handshakes, as a middlebox does.
type tlsFails struct{}

func (tlsFails) Fault() string { return "TLS handshake broken off" }

func (tlsFails) Certificate(*tls.ClientHelloInfo, func(string) (*tls.Certificate, error)) (*tls.Certificate, error) {
	return nil, errors.New("injected fault: tls-fails")
}

// wrongName presents a certificate that a sender must refuse.
type wrongName struct{}

func (wrongName) Fault() string { return "certificate of another name" }

func (wrongName) Certificate(_ *tls.ClientHelloInfo, leaf func(string) (*tls.Certificate, error)) (*tls.Certificate, error) {
	return leaf("wrong-name.notify.windows.com")
}
