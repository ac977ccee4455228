// Package link connects devices of another process to a fake WNS, many over one
// WebSocket. A cut link resumes: frames in transit are sent again and arrive
// once.
//
// The frames are JSON, one to a message, and a [model] throughout: the protocol
// between Windows and the real service is not published.
package link

import (
	"context"
	"encoding/json"
	"time"

	"github.com/coder/websocket"

	"github.com/dmwake/dmwake/fakewns"
)

// Subprotocol is what both sides name in the WebSocket handshake.
const Subprotocol = "dmwake-link.1"

// Bounds of a link.
const (
	maxFrame  = 1 << 20 // bytes
	maxQueued = 1 << 16 // unacknowledged notifications of one link
	maxOpens  = 64      // pending requests of one connection
)

// Times of a link.
const (
	// Grace is how long the service keeps a cut link.
	Grace        = 5 * time.Minute
	writeTimeout = 30 * time.Second
	pingEvery    = 20 * time.Second
	pongTimeout  = 20 * time.Second
	firstWait    = 5 * time.Millisecond // before the client connects again; doubled to lastWait
	lastWait     = 5 * time.Second
)

// up is a frame from the devices' side.
type up struct {
	// Hello opens a link or resumes one.
	Hello *hello `json:"hello,omitempty"`
	// Open registers a PFN; Close closes a channel; Attach takes one over. Each
	// gets a reply with its ID.
	ID     uint64 `json:"id,omitempty"`
	Open   *open  `json:"open,omitempty"`
	Close  string `json:"close,omitempty"`
	Attach string `json:"attach,omitempty"`
	// Ack acknowledges all notifications up to this number.
	Ack uint64 `json:"ack,omitempty"`
	// Led reports that a wake-up led to a session, State the state of a
	// device's connection.
	Led   *led   `json:"led,omitempty"`
	State *state `json:"state,omitempty"`
}

type hello struct {
	Session string `json:"session,omitempty"` // the link to resume; empty for a new one
	Got     uint64 `json:"got,omitempty"`     // the last notification received on it
}

type open struct {
	Device string `json:"device"`
	PFN    string `json:"pfn"`
}

type led struct {
	Device  string `json:"device"`
	Session string `json:"session"`
}

type state struct {
	Device string             `json:"device"`
	State  fakewns.Connection `json:"state"`
}

// down is a frame from the service's side.
type down struct {
	Welcome *welcome `json:"welcome,omitempty"`
	Reply   *reply   `json:"reply,omitempty"`
	Notify  *notify  `json:"notify,omitempty"`
}

type welcome struct {
	Session string `json:"session"`
	Resumed bool   `json:"resumed"`
}

type reply struct {
	ID      uint64    `json:"id"`
	OK      bool      `json:"ok,omitempty"`
	URI     string    `json:"uri,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Error   string    `json:"error,omitempty"`
	Reason  string    `json:"reason,omitempty"` // why a registration was refused
}

type notify struct {
	N       uint64 `json:"n"` // from 1 on, without a gap
	Channel string `json:"channel"`
	Payload []byte `json:"payload"`
	// ID is the same if it comes again, after a restart of the service or on another
	// link; then it says so. 0: it never does.
	ID    uint64 `json:"id,omitempty"`
	Again bool   `json:"again,omitempty"`

	parcel *fakewns.Parcel // at the service's end
}

func readFrame(ctx context.Context, ws *websocket.Conn, into any) error {
	_, b, err := ws.Read(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func writeFrame(ctx context.Context, ws *websocket.Conn, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return ws.Write(ctx, websocket.MessageText, b)
}

// keepAlive pings until ctx ends, and calls broken if no pong arrives.
func keepAlive(ctx context.Context, ws *websocket.Conn, broken func()) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			ping, done := context.WithTimeout(ctx, pongTimeout)
			err := ws.Ping(ping)
			done()
			if err != nil {
				broken()
				return
			}
		}
	}
}
