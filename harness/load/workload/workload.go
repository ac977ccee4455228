// Package workload reads the plan of a load from a file and checks it. It runs nothing.
// Errors name file, line and column, and say what to write instead.
package workload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/load"
)

// Plan is what a file says. What it leaves out is 0.
type Plan struct {
	Devices          int
	Duration, Warmup time.Duration
	Speed            float64
	Seed             uint64
	Parts            []*load.Part

	at map[*load.Part]*yaml.Node // where each part is
}

// Error is an error at a place of a file.
type Error struct {
	File         string
	Line, Column int
	Text         string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Text)
}

// Read reads and checks a plan. The error has everything that is wrong with it.
func Read(path string) (*Plan, error) {
	raw, err := bounded.ReadFile(path, bounded.Text)
	if err != nil {
		return nil, err
	}
	return Parse(path, raw)
}

// Parse is Read of a text. file is the name for errors.
func Parse(file string, raw []byte) (*Plan, error) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: the plan is empty; it needs a duration and parts", file)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file, notYAML(err))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: a plan is one YAML document, and there are more; remove what follows the line ---", file)
	}
	r := &reader{file: file}
	p := r.plan(doc.Content[0])
	if len(r.wrong) == 0 {
		r.check(p)
	}
	if err := r.errors(); err != nil {
		return nil, err
	}
	return p, nil
}

// plan reads the file's top level.
func (r *reader) plan(n *yaml.Node) *Plan {
	p := &Plan{Speed: 1, at: map[*load.Part]*yaml.Node{}}
	m := r.mapping(n, "the plan", namesOf(PlanKeys())...)
	if m == nil {
		return p
	}
	if v := m.get("devices"); v != nil {
		p.Devices = int(r.number(v, "devices", 1, load.MaxDevices, true))
	}
	if v := m.get("speed"); v != nil {
		p.Speed = r.number(v, "speed", math.SmallestNonzeroFloat64, load.MaxSpeed, false)
	}
	if v := m.get("seed"); v != nil {
		p.Seed = uint64(r.number(v, "seed", 1, 1<<53, true))
	}
	v := m.get("duration")
	if v == nil {
		r.failf(n, "the plan has no duration; write how long it lasts, such as duration: 1h")
	} else if p.Duration = r.duration(v, "duration"); p.Duration == 0 {
		r.failf(v, "duration: 0 is not a duration; write 10m or 24h")
	}
	if v := m.get("warmup"); v != nil {
		if p.Warmup = r.duration(v, "warmup"); p.Warmup >= p.Duration && p.Duration > 0 {
			r.failf(v, "warmup: %s leaves nothing of the duration %s", p.Warmup, p.Duration)
		}
	}
	parts := m.get("parts")
	switch {
	case parts == nil:
		r.failf(n, "the plan has no parts; write at least one, such as - poll: {every: 15m}")
	case parts.Kind != yaml.SequenceNode || len(parts.Content) == 0:
		r.failf(parts, "parts is a list; write each part on a line of its own that begins with -")
	case p.Duration == 0 || len(r.wrong) > 0: // the values of parts need the times; their keys do not
		for _, n := range parts.Content {
			r.keys(n)
		}
	default:
		for _, n := range parts.Content {
			if part := r.part(n, p); part != nil {
				p.Parts = append(p.Parts, part)
				p.at[part] = n
			}
		}
	}
	return p
}
