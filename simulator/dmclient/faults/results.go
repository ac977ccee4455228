package faults

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// lateResults delays Results by one message, as some CSPs do [seen].
type lateResults struct {
	mu   sync.Mutex
	held []syncml.Command
}

func (*lateResults) Fault() string { return "sends Results late" }

func (f *lateResults) Rewrite(m *syncml.Message, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	held := f.held
	f.held = nil
	if n == 1 {
		held = nil // of an ended session
	}
	m.Body = slices.DeleteFunc(m.Body, func(c syncml.Command) bool {
		if c.Verb == syncml.Results {
			f.held = append(f.held, c)
		}
		return c.Verb == syncml.Results
	})
	add(m, held)
	if len(f.held) > 0 {
		m.Final = false // there is more to come
	}
}

// repeatResults sends Results again with the next message, as some CSPs do
// [seen].
type repeatResults struct {
	mu   sync.Mutex
	last []syncml.Command
}

func (*repeatResults) Fault() string { return "sends Results twice" }

func (f *repeatResults) Rewrite(m *syncml.Message, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	again := f.last
	f.last = nil
	for i := range m.Body {
		if m.Body[i].Verb == syncml.Results {
			f.last = append(f.last, m.Body[i])
		}
	}
	if n > 1 {
		add(m, again)
	}
}

func add(m *syncml.Message, commands []syncml.Command) {
	for _, c := range commands {
		c.CmdID = strconv.Itoa(len(m.Body) + 100)
		m.Body = append(m.Body, c)
	}
}

// tell replaces the value that the device reports for a node.
type tell struct{ suffix, value string }

func newChannelURI(arg string) (dmclient.Fault, error) { return tell{"/push/channeluri", arg}, nil }

func newPushStatus(arg string) (dmclient.Fault, error) {
	_, err := strconv.Atoi(arg)
	return tell{"/push/status", arg}, err
}

func (f tell) Fault() string { return "tells another " + f.suffix[1:] }

func (f tell) Rewrite(m *syncml.Message, _ int) {
	for i := range m.Body {
		for k := range m.Body[i].Items {
			if it := &m.Body[i].Items[k]; m.Body[i].Verb == syncml.Results && strings.HasSuffix(strings.ToLower(it.Source.LocURI), f.suffix) {
				it.Data, it.HasData = f.value, true
			}
		}
	}
}
