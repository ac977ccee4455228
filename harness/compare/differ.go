package compare

import (
	"slices"
	"strings"
)

// finding is a place where two messages differ.
type finding struct {
	what      what
	path      []*node // from the root to the element; of the real message, if it is there
	real, sim string
}

type what string

const (
	missing what = "missing" // in the simulated message
	extra   what = "extra"
	order   what = "order"
	text    what = "text"
	attr    what = "attribute"
	space   what = "namespace"
	prefix  what = "prefix"
	numbers what = "numbers" // of commands
)

// maxFound bounds the findings in one message.
const maxFound = 2000

// differ holds two messages against each other.
type differ struct {
	found    []finding
	prefixes map[[2]string]bool // that were found
}

func (d *differ) add(w what, path []*node, seen, sim string) {
	if len(d.found) < maxFound {
		d.found = append(d.found, finding{w, slices.Clone(path), seen, sim})
	}
}

// nodes compares two elements of one name.
func (d *differ) nodes(seen, sim *node, path []*node) {
	path = append(path, seen)
	if seen.space != sim.space {
		d.add(space, path, seen.space, sim.space)
	}
	if pair := [2]string{seen.prefix, sim.prefix}; seen.prefix != sim.prefix && !d.prefixes[pair] {
		d.prefixes[pair] = true
		d.add(prefix, path, orNone(seen.prefix), orNone(sim.prefix))
	}
	if a, b := strings.Join(seen.attrs, " "), strings.Join(sim.attrs, " "); a != b {
		d.add(attr, path, a, b)
	}
	if seen.text != sim.text {
		d.add(text, path, seen.text, sim.text)
	}
	rk, rby := seen.keyed()
	sk, sby := sim.keyed()
	whole := true
	for _, k := range rk {
		if sby[k] == nil && !absentMeta(rby[k]) {
			whole = false
			d.add(missing, append(path, rby[k]), "there", "missing")
		}
	}
	for _, k := range sk {
		if rby[k] == nil && !absentMeta(sby[k]) {
			whole = false
			d.add(extra, append(path, sby[k]), "missing", "there")
		}
	}
	if a, b := common(rk, sby), common(sk, rby); !slices.Equal(a, b) {
		whole = false
		d.add(order, path, strings.Join(a, ", "), strings.Join(b, ", "))
	}
	if seen.name == "SyncBody" && whole {
		if a, b := cmdIDs(seen), cmdIDs(sim); a != b {
			d.add(numbers, path, a, b)
		}
	}
	for _, k := range rk {
		r, s := rby[k], sby[k]
		switch {
		case r.name == "CmdID":
		case s != nil:
			d.nodes(r, s, path)
		case absentMeta(r):
			d.nodes(r, &node{name: r.name, prefix: r.prefix, space: r.space}, path)
		}
	}
	for _, k := range sk {
		if s := sby[k]; rby[k] == nil && absentMeta(s) {
			d.nodes(&node{name: s.name, prefix: s.prefix, space: s.space}, s, path)
		}
	}
}

// absentMeta reports whether an element counts as empty where it is missing: the
// children of a Meta are what matters.
func absentMeta(n *node) bool { return n.name == "Meta" }

// common are the keys that the other side has, too.
func common(keys []string, other map[string]*node) (out []string) {
	for _, k := range keys {
		if other[k] != nil {
			out = append(out, k)
		}
	}
	return out
}

func cmdIDs(body *node) string {
	var out []string
	for _, k := range body.kids {
		if id := k.value("CmdID"); id != "" {
			out = append(out, id)
		}
	}
	return strings.Join(out, " ")
}
