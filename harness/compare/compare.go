package compare

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Options of a comparison.
type Options struct {
	Profile string // by name; empty: the nearest to the device's build
	// Quirks are switched in the simulated device, as in dmclient.Config.
	Quirks []string
	// AcceptUnknown accepts commands for CSPs that are not simulated.
	AcceptUnknown bool
	// DDF is what the device knows of CSPs; nil is Microsoft's files.
	DDF csp.Base
}

// deviceKey is the key of all simulated devices: making one takes long, and it
// protects nothing.
var deviceKey = sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Run lets a simulated device play the part of each device of the file, with a server
// that gives the recorded answers. The results are in the order of the file.
func Run(ctx context.Context, f *File, o Options) ([]*Result, error) {
	key, err := deviceKey()
	if err != nil {
		return nil, err
	}
	_, cert, err := selfSigned(key)
	if err != nil {
		return nil, err
	}
	var out []*Result
	for _, d := range f.Devices {
		k := learn(d)
		list, why, err := k.candidates(o.Profile)
		if err != nil {
			return nil, err
		}
		var best *Result
		for _, profile := range list {
			p := &player{known: k, key: key, cert: cert, profile: profile, steps: d.Steps, opts: o}
			r, err := p.run(ctx)
			if err != nil {
				return nil, err
			}
			if best == nil || len(r.Differences) < len(best.Differences) || len(r.Differences) == len(best.Differences) && r.Bytes > best.Bytes {
				best = r
			}
		}
		best.Device, best.Build, best.ProfileWhy = d.ID, k.build, why
		best.sort()
		out = append(out, best)
	}
	return out, nil
}

// player is the simulated device in the part of one real device.
type player struct {
	known   *known
	key     crypto.Signer
	cert    []byte
	profile dmclient.Profile
	steps   []*Step
	opts    Options

	stage  *stage
	device *dmclient.Device
	made   bool // the enrollment was made up
	madeUp int  // messages of the server that were made up
	// indented are messages whose bytes the file does not have.
	indented int
	ended    string
	r        *Result
}

func (p *player) skip(kind string, n int) { p.r.skip(kind, n) }

func (p *player) run(ctx context.Context) (*Result, error) {
	p.r = &Result{Profile: p.profile.Name, Differences: []Difference{}, Skipped: []Skip{}, Notes: []string{}}
	http2 := false
	for _, s := range p.steps {
		http2 = http2 || strings.HasPrefix(s.Proto, "HTTP/2")
	}
	var err error
	if p.stage, err = newStage(http2); err != nil {
		return nil, err
	}
	defer p.stage.close()
	defer func() {
		if p.device != nil {
			p.device.Close()
		}
	}()
	sessions := 0
	for _, a := range acts(p.steps) {
		if a.kind == Message {
			sessions++
		}
		if err := p.act(ctx, a, sessions); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	p.notes()
	return p.r, nil
}

// act plays one act, and compares what was sent in it.
func (p *player) act(ctx context.Context, a act, sessions int) error {
	if a.kind != Token && (p.device == nil || p.device.State() != dmclient.Enrolled) {
		if _, err := p.enroll(ctx, nil); err != nil {
			return fmt.Errorf("the simulated device cannot be enrolled: %w", err)
		}
		p.prepare()
	}
	var pairs []pair
	var s *session
	var failed error
	switch a.kind {
	case Token:
		pairs, failed = p.enroll(ctx, a.steps)
	case Renewal:
		pairs, failed = p.renew(ctx, a.steps)
	default:
		pairs, s, failed = p.session(ctx, a.steps)
	}
	last := a.steps[len(a.steps)-1]
	for i, x := range pairs {
		where := ""
		switch {
		case x.real == nil:
			where = fmt.Sprintf("after the last message of session %d", sessions)
			if s == nil {
				where = "in the enrollment"
			}
			p.r.Differences = append(p.r.Differences, Difference{Kind: KindMessage, Message: last.Number, What: where, Path: "message",
				Real: "missing", Simulated: "there", Means: meaning(&Difference{Kind: KindMessage}, "")})
			continue
		case s != nil:
			where = fmt.Sprintf("session %d message %d", sessions, i+1)
		default:
			where = string(x.real.Kind)
		}
		p.r.Messages++
		if x.sim == nil {
			d := Difference{Kind: KindMessage, Message: x.real.Number, What: where, Path: "message", Real: "there", Simulated: "missing"}
			if failed != nil {
				d.Kind, d.Real, d.Simulated = KindFailed, "went on", failed.Error()
			} else if p.ended != "" && s != nil {
				d.Real, d.Simulated = "there", "missing: "+p.ended
			}
			d.Means = meaning(&Difference{Kind: d.Kind, Simulated: "missing"}, p.profile.Name)
			p.r.Differences = append(p.r.Differences, d)
			break // the others follow from it
		}
		p.compare(x, s, where)
	}
	return nil
}

// compare holds one request against its counterpart.
func (p *player) compare(x pair, s *session, where string) {
	before := len(p.r.Differences)
	j := &judge{r: p.r, step: x.real, where: where, session: s, profile: p.profile.Name, skipped: map[[2]string]bool{}, refused: map[string]bool{}}
	j.http(x.sim)
	equal := true
	if len(x.real.Request) > 0 || len(x.sim.Request) > 0 {
		equal = j.body(x.sim.Request)
	}
	if len(p.r.Differences) == before {
		p.r.Equal++
	}
	switch {
	case x.real.Kind == Reach:
	case !x.real.Exact:
		p.indented++
	case equal:
		p.r.Bytes++
		fallthrough
	default:
		p.r.ByteMessages++
	}
}

// body compares two bodies, and reports whether their bytes are equal, too.
func (j *judge) body(sim []byte) bool {
	before := len(j.r.Differences)
	seen := j.step.Request
	if string(seen) == string(sim) {
		return true
	}
	a, err := readTree(seen)
	if err != nil {
		j.add(Difference{Kind: KindForm, Path: "body", Real: "not well-formed: " + err.Error(), Simulated: "XML", Means: "the real device sent no XML that can be read"})
		return false
	}
	b, err := readTree(sim)
	if err != nil {
		j.add(Difference{Kind: KindForm, Path: "body", Real: "XML", Simulated: "not well-formed: " + err.Error(), Means: "the simulated device sends no XML that can be read"})
		return false
	}
	if a.name != b.name {
		j.add(Difference{Kind: KindForm, Path: "body", Real: a.name, Simulated: b.name})
		return false
	}
	d := differ{prefixes: map[[2]string]bool{}}
	d.nodes(a, b, nil)
	j.all(d.found)
	if len(j.r.Differences) > before || !j.step.Exact {
		return false
	}
	same, atReal, atSim, spaces := sameBytes(redact.Text(string(seen)), redact.Text(string(sim)), j.skipped)
	if spaces > 0 {
		j.r.skip(skipSpace, spaces)
	}
	if !same {
		j.add(Difference{Kind: KindBytes, Path: "body", Real: atReal, Simulated: atSim})
	}
	return same && spaces == 0
}

// notes say what the file did not allow to compare.
func (p *player) notes() {
	note := func(format string, args ...any) { p.r.Notes = append(p.r.Notes, fmt.Sprintf(format, args...)) }
	if p.made {
		note("the file has no whole enrollment before its sessions: the simulated device enrolled with a document made up of what the sessions tell")
	}
	if p.madeUp > 0 {
		note("%s of the server not in the file, and made up of the device's answers; a status whose node is unknown was taken from the file", wording.Counted(p.madeUp, "message", "messages"))
	}
	if p.indented > 0 {
		note("%s not as on the wire (indented, or WBXML written as XML): the bytes were not compared", wording.Counted(p.indented, "message is", "messages are"))
	}
}

// newDevice makes the simulated device with the real one's identity.
func (p *player) newDevice(discovery string) (*dmclient.Device, error) {
	if p.device != nil {
		p.device.Close()
	}
	k := p.known
	cfg := dmclient.Config{
		Discovery: discovery, Username: k.email, Profile: k.as(p.profile), Identity: k.identity, NoRetry: true, Timeout: time.Minute,
		Key: func() (crypto.Signer, error) { return p.key, nil }, TLS: anyName(), Dial: p.stage.dial, WNS: channels{}, Clock: hurry{}, Keep: 4,
		Quirks: p.opts.Quirks, AcceptUnknown: p.opts.AcceptUnknown, DDF: p.opts.DDF,
	}
	if c := k.credential; c != nil {
		cfg.Password = c.Password
	}
	if k.enrollmentType == "Device" {
		cfg.EnrollmentType = k.enrollmentType
	}
	if !k.attests {
		cfg.Attestation = dmclient.AttestNone
	}
	if k.byCertificate {
		cert, _, err := selfSigned(p.key)
		if err != nil {
			return nil, err
		}
		cfg.EnrollCert = cert
	}
	d, err := dmclient.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("the simulated device cannot be made: %w", err)
	}
	return d, nil
}
