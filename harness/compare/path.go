package compare

import "strings"

// last is the element that a finding is about.
func (f *finding) last() *node { return f.path[len(f.path)-1] }

// is reports whether the finding is about an element with these last names.
func (f *finding) is(names ...string) bool {
	if len(names) > len(f.path) {
		return false
	}
	for i, name := range names {
		if f.path[len(f.path)-len(names)+i].name != name {
			return false
		}
	}
	return true
}

// within is the innermost element of that name around the finding; nil if none is.
func (f *finding) within(name string) *node {
	for i := len(f.path) - 1; i >= 0; i-- {
		if f.path[i].name == name {
			return f.path[i]
		}
	}
	return nil
}

func (f *finding) under(name string) bool { return f.within(name) != nil }

// ref is MsgRef and CmdRef of the Status or Results around the finding.
func (f *finding) ref() string {
	for _, n := range f.path {
		if n.name == "Status" || n.name == "Results" {
			return n.value("MsgRef") + "/" + n.value("CmdRef")
		}
	}
	return ""
}

// words is the path for people: without the elements that every message has.
func (f *finding) words() string {
	var out []string
	for i, n := range f.path {
		parent := ""
		if i > 0 {
			parent = f.path[i-1].name
		}
		switch n.name {
		case "SyncML", "SyncBody", "Envelope":
			if i+1 < len(f.path) {
				continue
			}
		}
		if i+1 == len(f.path) && n.name == "Data" {
			out = append(out, "Data")
			continue
		}
		out = append(out, n.label(parent))
	}
	return strings.Join(out, "/")
}
