// Package bounded reads files that a user names. Such a name can be that of a device or
// of anything else that never ends.
package bounded

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
)

// Sizes of what users name, in bytes: far over anything sensible.
const (
	Secret  = 64 << 10  // a password, a key for tokens
	Text    = 16 << 20  // a configuration, certificates, a list
	Results = 512 << 20 // results and recordings
)

// ReadFile is os.ReadFile for a file of at most so many bytes; a longer one is an error.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > most {
		return nil, fmt.Errorf("%s is longer than %d bytes; name another file", path, most)
	}
	return raw, nil
}

// KeyPair is tls.LoadX509KeyPair for files of at most Text bytes.
func KeyPair(cert, key string) (tls.Certificate, error) {
	certPEM, err := ReadFile(cert, Text)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := ReadFile(key, Text)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}
