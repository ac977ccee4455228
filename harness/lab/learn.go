package lab

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Signature finds out what the work hook does, once for a lab: on a device of its
// own it compares sessions without work to those after the hook.
func (l *Lab) Signature(ctx context.Context) (*Signature, error) {
	l.learning.Lock()
	defer l.learning.Unlock()
	if l.learned != nil || l.notLearned != nil {
		return l.learned, l.notLearned
	}
	g, err := l.learn(ctx)
	if ctx.Err() == nil {
		l.learned, l.notLearned = g, err
	}
	return g, err
}

// idleSessions show what a server does by itself.
const idleSessions = 3

func (l *Lab) learn(ctx context.Context) (*Signature, error) {
	d, done, err := l.learner(ctx)
	if err != nil {
		return nil, fmt.Errorf("no device could be enrolled to see what the work hook does: %w", err)
	}
	defer done()
	usual := map[string]*values{}
	var last *dmclient.Session
	for range idleSessions {
		s, err := d.Sync(ctx, dmclient.SyncOptions{})
		if s == nil {
			return nil, err
		}
		last = s
		for _, c := range SentIn(s) {
			k := shape(c)
			if usual[k] == nil {
				usual[k] = &values{map[string]bool{}}
			}
			usual[k].of[c.Data] = true
		}
	}
	if failed(last) {
		return nil, &SessionsError{"", last.Err}
	}
	name, _ := l.workHook()
	began := time.Now()
	calls := make([][]Sent, 2)
	g := &Signature{most: 1}
	for i := range calls {
		if err := l.Work(ctx, d); err != nil {
			return nil, err
		}
		if calls[i], err = l.news(ctx, d, usual, g); err != nil {
			return nil, err
		}
	}
	if len(calls[0]) == 0 && len(calls[1]) == 0 {
		return nil, l.noWork(d, name, began)
	}
	g.Once = len(calls[1]) == 0
	g.pieces = pieces(calls[0], calls[1], usual)
	g.Differs = differ(calls[0], calls[1])
	g.Atomic = slices.ContainsFunc(slices.Concat(calls...), func(c Sent) bool { return c.Grouped })
	return g, nil
}

// learner returns the device that shows what the work hook does.
func (l *Lab) learner(ctx context.Context) (*dmclient.Device, func(), error) {
	if l.Config.Target.Shared() {
		d, err := l.Shared(ctx)
		return d, func() {}, err
	}
	d, err := l.ordinaryDevice()
	if err != nil {
		return nil, nil, err
	}
	if err := l.Enroll(ctx, d); err != nil {
		d.Close()
		return nil, nil, err
	}
	if err := l.firstSession(ctx, d); err != nil {
		d.Close()
		return nil, nil, err
	}
	return d, d.Close, nil
}

// news holds sessions until one brings commands that are not usual, for at most
// Timeouts.Push, and one more, since a server may divide its work. It notes in g how
// long the server took, and how often one session had the same command.
func (l *Lab) news(ctx context.Context, d *dmclient.Device, usual map[string]*values, g *Signature) ([]Sent, error) {
	asked := time.Now()
	for first := true; ; first = false {
		waited := time.Since(asked)
		s, err := d.Sync(ctx, dmclient.SyncOptions{})
		if s == nil {
			return nil, l.noSession(ctx, err)
		}
		news := unusual(SentIn(s), usual)
		switch {
		case len(news) > 0:
			g.most = max(g.most, repeats(news))
			if !first {
				g.Delay = max(g.Delay, waited)
			}
			if s, err = d.Sync(ctx, dmclient.SyncOptions{}); s == nil {
				return nil, l.noSession(ctx, err)
			}
			return append(news, unusual(SentIn(s), usual)...), nil
		case waited >= l.Config.Timeouts.Push || ctx.Err() != nil:
			return nil, ctx.Err()
		}
		wait(ctx, l.Config.Timeouts.Quiet) // let the server process its queue
	}
}

func wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// unusual leaves out what a server sends by itself.
func unusual(sent []Sent, usual map[string]*values) []Sent {
	return slices.DeleteFunc(sent, func(c Sent) bool {
		known := usual[shape(c)]
		return known != nil && (c.Verb == syncml.Get || known.has(c.Data))
	})
}

// pieces makes the signature of what came after each of two calls.
func pieces(first, second []Sent, usual map[string]*values) (out []piece) {
	add := func(c Sent, node []string) {
		p := piece{verb: c.Verb, node: node, but: usual[shape(c)], shown: c.LocURI}
		if !slices.ContainsFunc(out, func(o piece) bool { return o.verb == p.verb && same(o.node, p.node) }) {
			out = append(out, p)
		}
	}
	var rest []Sent // came after one of the calls
	for _, c := range first {
		if slices.ContainsFunc(second, func(o Sent) bool { return shape(o) == shape(c) }) {
			add(c, segments(c.LocURI))
			continue
		}
		i := slices.IndexFunc(second, func(o Sent) bool { return common(c, o) != nil })
		if i < 0 {
			rest = append(rest, c)
			continue
		}
		add(c, common(c, second[i]))
	}
	for _, c := range second {
		if !slices.ContainsFunc(out, func(p piece) bool { return p.matches(c) }) {
			rest = append(rest, c)
		}
	}
	both := len(out) > 0
	for _, c := range rest {
		// An inventory may fall into these sessions by chance.
		if !both || c.Verb != syncml.Get {
			add(c, segments(c.LocURI))
		}
	}
	return out
}

// differ reports whether every kind of command that came after the first call came
// with another value after the second one. The values of the first call may come
// again: not every server heeds a Status.
func differ(first, second []Sent) bool {
	return !slices.ContainsFunc(first, func(c Sent) bool {
		return !slices.ContainsFunc(second, func(o Sent) bool { return (shape(o) == shape(c) || common(o, c) != nil) && !slices.Contains(first, o) })
	})
}

// common returns the node of two commands that differ in one segment, such as the
// name of a profile; nil if they differ in more.
func common(a, b Sent) []string {
	x, y := segments(a.LocURI), segments(b.LocURI)
	if a.Verb != b.Verb || len(x) != len(y) {
		return nil
	}
	differ := 0
	for i := range x {
		if x[i] != y[i] {
			x[i] = anySegment
			differ++
		}
	}
	if differ != 1 || x[0] == anySegment {
		return nil
	}
	return x
}

// shape is a command without what may vary: its ids and its value.
func shape(c Sent) string { return string(c.Verb) + " " + mask(c.LocURI) }

func segments(locURI string) []string { return strings.Split(mask(locURI), "/") }

// varying matches GUIDs, long hexadecimal numbers and counters.
var varying = regexp.MustCompile(`[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{16,}|[0-9]+`)

// mask replaces what varies from one command of a kind to the next.
func mask(text string) string { return varying.ReplaceAllString(strings.ToLower(text), "#") }
