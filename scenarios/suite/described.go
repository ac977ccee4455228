package suite

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Described is one Item of a server's command for a node, with what is wrong with it by
// Microsoft's description of the CSPs and by the trees of the simulated device.
type Described struct {
	Pair     int // in Pairs; of the last chunk of a value that came in several
	Command  *syncml.Command
	Verb     string
	LocURI   string
	Findings []ddf.Finding
}

// Place names the command: "Replace of ./Vendor/MSFT/...".
func (d *Described) Place() string { return d.Verb + " of " + Show(d.LocURI) }

// Described checks every command of the session, also those inside of an Atomic or a
// Sequence. The first call does the work; all scenarios that listen share it. A device
// older than Windows 10 has none: DDF v2 begins there.
func (h *Heard) Described() []Described {
	if !h.described {
		h.described = true
		if build, ok := h.build(); ok {
			h.items = checked(h.Pairs, build, h.checks)
		}
	}
	return h.items
}

// build is the device's, with all updates; the zero Build for a recorded session, where
// nobody knows it.
func (h *Heard) build() (ddf.Build, bool) {
	if h.device == nil {
		return ddf.Build{}, true
	}
	n := h.device.Profile().Build
	return ddf.Build{Number: n}, n >= ddf.Oldest
}

// checks remembers what was found about commands: servers send the same ones to many
// devices, and the search for what an unknown path may mean is slow.
type checks struct {
	file     string // the zip of DDF files that the devices have; empty for Microsoft's
	checkers map[ddf.Build]*ddf.Checker
	known    map[check][]ddf.Finding
	// err is why nothing can be checked; the table is part of the binary, so it is a bug.
	err error
}

type check struct {
	command ddf.Command
	build   ddf.Build
}

// keptChecks bounds the memory, and so does keptValue, in bytes of one value.
const keptChecks, keptValue = 20_000, 2_000

func (k *checks) of(c ddf.Command, build ddf.Build) []ddf.Finding {
	key := check{c, build}
	if found, ok := k.known[key]; ok {
		return found
	}
	found, err := k.check(c, build)
	if err != nil {
		k.err = err
		return nil
	}
	if len(k.known) < keptChecks && len(c.Data) <= keptValue {
		if k.known == nil {
			k.known = map[check][]ddf.Finding{}
		}
		k.known[key] = found
	}
	return found
}

// check holds a command against what the devices of the run have.
func (k *checks) check(c ddf.Command, build ddf.Build) ([]ddf.Finding, error) {
	if k.file == "" {
		return ddf.Check(c, build)
	}
	if k.checkers[build] == nil {
		set, err := ddf.ZipSet(k.file)
		if err != nil {
			return nil, err
		}
		checker, err := ddf.NewChecker(set, build)
		if err != nil {
			return nil, err
		}
		if k.checkers == nil {
			k.checkers = map[ddf.Build]*ddf.Checker{}
		}
		k.checkers[build] = checker
	}
	return k.checkers[build].Command(c), nil
}

// OfNodes are the verbs whose Items name nodes.
var OfNodes = []syncml.Verb{syncml.Add, syncml.Delete, syncml.Exec, syncml.Get, syncml.Replace}

// checked checks the commands of messages. Chunks of a value are put together first.
func checked(pairs []Pair, build ddf.Build, k *checks) (out []Described) {
	var chunks strings.Builder // of a value that is not complete
	var of, formatOf string    // its LocURI, and the format that its first chunk has
	item := func(i int, c *syncml.Command, it *syncml.Item, atomic bool) {
		uri := it.Target.LocURI
		if uri == "" || strings.Contains(uri, "?") && c.Verb != syncml.Get {
			return // no node's value; other rules judge it
		}
		format, data := FormatOf(c, it), it.Data
		if of != "" && of != uri {
			of = "" // the rest never came
			chunks.Reset()
		}
		if of == "" && it.MoreData {
			of, formatOf = uri, format
		}
		if of != "" {
			chunks.WriteString(data)
			if it.MoreData {
				return
			}
			format, data, of = formatOf, chunks.String(), ""
			chunks.Reset()
		}
		found := k.of(ddf.Command{Verb: string(c.Verb), LocURI: uri, Format: format, Data: data, Atomic: atomic}, build)
		out = append(out, Described{i, c, string(c.Verb), uri, found})
	}
	var walk func(i int, c *syncml.Command, atomic bool)
	walk = func(i int, c *syncml.Command, atomic bool) {
		if slices.Contains(OfNodes, c.Verb) {
			for n := range c.Items {
				item(i, c, &c.Items[n], atomic)
			}
		}
		for n := range c.Commands {
			walk(i, &c.Commands[n], atomic || c.Verb == syncml.Atomic)
		}
	}
	for i, p := range pairs {
		for n := range p.Got.Body {
			walk(i, &p.Got.Body[n], false)
		}
	}
	return out
}

// FormatOf is the format of an Item: its own, or that of its command.
func FormatOf(c *syncml.Command, it *syncml.Item) string {
	for _, m := range []*syncml.Meta{it.Meta, c.Meta} {
		if m != nil && m.Format != "" {
			return strings.TrimSpace(m.Format)
		}
	}
	return ""
}

// Mistake is Breach for a mistake that a server makes again and again: the same one on
// many devices is listed once, with the number of its places.
func (h *Heard) Mistake(d *Described, expected, saw string) {
	h.note(d, false, expected, saw, "")
}

// Remark lists what breaks no rule, once: a scenario that passes shows it, too.
func (h *Heard) Remark(d *Described, saw string) { h.note(d, true, "", saw, "") }

// RemarkOn is Remark about what several commands have in common, such as a node that
// nobody describes: only the first of them is listed.
func (h *Heard) RemarkOn(d *Described, what, saw string) { h.note(d, true, "", saw, what) }

// valueFirst matches the value with which a finding about it begins.
var valueFirst = regexp.MustCompile(`^"(?:[^"\\]|\\.)*"`)

func (h *Heard) note(d *Described, remark bool, expected, saw, what string) {
	p := h.Pairs[d.Pair]
	saw = valueFirst.ReplaceAllStringFunc(saw, func(quoted string) string {
		value, err := strconv.Unquote(quoted)
		if err != nil || redact.Value(d.LocURI, value) == value {
			return quoted
		}
		return redact.Hidden
	})
	b := breach{device: h.device, ex: p.Ex, expected: expected, saw: d.Place() + ": " + saw,
		from: fmt.Sprintf("%s, session %s, MsgID %s, CmdID %s", h.scenario, h.ID, p.Got.Hdr.MsgID, d.Command.CmdID)}
	kind := alike(d.Verb, d.LocURI, saw)
	if what != "" {
		kind = alike("", what, "")
	}
	if remark {
		h.ear.remarks.add(kind, h.DeviceID(), b)
	} else {
		h.ear.mistake(h.scenario, kind, h.DeviceID(), b)
	}
}
