// Package wording says to people what libraries say to programmers: why a server did not
// answer, and how many there are of something.
package wording

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
)

// NoAnswer says in plain words why a server gave no answer, in which "it" is the server.
// Other errors are as they were.
func NoAnswer(err error) error {
	var (
		name    *net.DNSError
		unknown x509.UnknownAuthorityError
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		op      *net.OpError
		u       *url.Error
		syntax  *json.SyntaxError
		kind    *json.UnmarshalTypeError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &name):
		return fmt.Errorf("the name %s does not resolve", name.Name)
	case errors.As(err, &unknown):
		return errors.New("its certificate is signed by an unknown authority")
	case errors.As(err, &cert):
		return fmt.Errorf("its certificate does not verify: %w", cert.Err)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return errors.New("it does not speak TLS")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("nothing listens there")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("it did not answer in time")
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return errors.New("it closed the connection without an answer")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it closed the connection in the middle of its answer")
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("it cannot be reached: %w", op.Err)
	case strings.Contains(err.Error(), "malformed HTTP"): // net/http has no type for it
		return errors.New("its answer is not HTTP")
	case errors.As(err, &syntax), errors.As(err, &kind):
		return errors.New("its answer is not the JSON that is expected; it may be another server")
	case errors.As(err, &u):
		return u.Err
	}
	return err
}

// Error is the text of an error. Where the error is that of a request, it names the
// server and says why there was no answer.
func Error(err error) string {
	text := err.Error()
	var u *url.Error
	switch {
	case errors.As(err, &u):
		at := u.URL
		if parsed, bad := url.Parse(u.URL); bad == nil && parsed.Host != "" {
			at = parsed.Host
		}
		return strings.Replace(text, u.Error(), fmt.Sprintf("no answer from %s: %v", at, NoAnswer(u)), 1)
	case errors.Is(err, context.DeadlineExceeded):
		// "no reply within 1s: context deadline exceeded" has said it already.
		text = strings.ReplaceAll(text, ": "+context.DeadlineExceeded.Error(), "")
		return strings.ReplaceAll(text, context.DeadlineExceeded.Error(), "it took too long")
	}
	return text
}

// WebAddress refuses what is no URL of a web server.
func WebAddress(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is no URL, such as http://127.0.0.1:7081", text)
	}
	return nil
}
