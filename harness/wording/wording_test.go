package wording

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestNoAnswer: each way in which a server gives no answer is named, over real
// connections, and no word of Go's libraries is left.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	read := func(c net.Conn) { io.ReadAtLeast(c, make([]byte, 1<<12), 1) }
	for want, answer := range map[string]func(net.Conn){
		"it closed the connection without an answer":           read,
		"it did not answer in time":                            func(net.Conn) { <-hold },
		"it closed the connection in the middle of its answer": func(c net.Conn) { read(c); io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello") },
		"its answer is not HTTP":                               func(c net.Conn) { read(c); io.WriteString(c, "\x00\x01 garbage\r\n\r\n") },
		"nothing listens there":                                nil,
		"it does not speak TLS":                                func(c net.Conn) { read(c); io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			at := "127.0.0.1:0"
			if answer == nil {
				at = "127.0.0.77:0" // nothing else takes a port there meanwhile
			}
			ln, err := net.Listen("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ln.Close() })
			if answer == nil {
				ln.Close()
			}
			go func() {
				for c, err := ln.Accept(); err == nil; c, err = ln.Accept() {
					go func() { answer(c); c.Close() }()
				}
			}()
			ctx, cancel := context.WithCancel(t.Context())
			if strings.Contains(want, "in time") {
				ctx, cancel = context.WithDeadline(t.Context(), time.Now())
			}
			defer cancel()
			scheme := "http"
			if strings.Contains(want, "TLS") {
				scheme = "https"
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+ln.Addr().String()+"/x?token=1", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if got := NoAnswer(err); got == nil || got.Error() != want {
				t.Errorf("%v is %v", err, got)
			}
			if strings.Contains(want, "middle") {
				return // no error of the request
			}
			if got := Error(fmt.Errorf("enroll: %w (code 1)", err)); got != "enroll: no answer from "+ln.Addr().String()+": "+want+" (code 1)" {
				t.Errorf("%v is %s", err, got)
			}
		})
	}
}

// TestOtherErrors: what is no error of a network stays as it is.
func TestOtherErrors(t *testing.T) {
	t.Parallel()
	other := errors.New("the device is not enrolled")
	if got := NoAnswer(other); !errors.Is(got, other) || NoAnswer(nil) != nil {
		t.Error(got)
	}
	if got := Error(other); got != other.Error() {
		t.Error(got)
	}
	if got := Error(fmt.Errorf("no reply within 1s: %w", context.DeadlineExceeded)); got != "no reply within 1s" {
		t.Error(got)
	}
}

// TestCount: one of something is one.
func TestCount(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"1 device": Count(1, "device"), "0 devices": Count(0, "device"), "2 pushes": Count(2, "push"), "3 queries": Count(3, "query"), "4 days": Count(4, "day"),
		"1 waits": Counted(1, "waits", "wait"), "2 wait": Counted(2, "waits", "wait"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
