package dmclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"
)

// Cut sends the first keep bytes of a session message, with the headers of the
// whole, and then closes its side of the connection, as a device that loses
// power. It waits, at most within, until the server answered or closed, so that
// later requests meet a server that saw the cut. An error means that Cut itself
// failed.
func (d *Device) Cut(ctx context.Context, body []byte, keep int, within time.Duration) error {
	to, err := url.Parse(d.Address())
	if err != nil {
		return fmt.Errorf("management address: %w", err)
	}
	req, err := d.request(ctx, to, bytes.NewReader(body), d.requestID(), newVector()+".0.0.0")
	if err != nil {
		return err
	}
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		return fmt.Errorf("write the message to cut: %w", err)
	}
	addr := req.URL.Host
	if req.URL.Port() == "" {
		addr = net.JoinHostPort(addr, "443")
	}
	dial := d.cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	raw, err := dial(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("connect for the cut: %w", err)
	}
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	conf := d.newTransport(d.Certificate(), &d.asked).TLSClientConfig
	conf.ServerName = req.URL.Hostname()
	conn := tls.Client(raw, conf)
	if _, err := conn.Write(wire.Bytes()[:wire.Len()-len(body)+keep]); err != nil {
		return fmt.Errorf("send the part before the cut: %w", err)
	}
	if err := conn.CloseWrite(); err != nil {
		return fmt.Errorf("cut: %w", err)
	}
	io.Copy(io.Discard, io.LimitReader(conn, maxReply)) //nolint:errcheck // however the server takes it
	return nil
}
