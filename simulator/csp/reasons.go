package csp

import (
	"fmt"
	"strings"
)

// Reason says why a node's description differs from Microsoft's DDF. In a .tree file it
// is the comment directly above the node:
//
//	# differs operations: the document, capture or known error that says so
//
// It ends where the next "# differs" begins, or at the node.
type Reason struct {
	Path string // of the node, from the root
	Kind string // that of a ddf.Difference; with " below", it is for all nodes below
	Text string
}

const differs = "# differs "

// Reasons returns why nodes of the provider differ from the DDF.
func (c *CSP) Reasons() ([]Reason, error) {
	nodes, err := c.Nodes()
	if err != nil {
		return nil, err
	}
	text, err := trees.ReadFile("trees/" + c.tree)
	if err != nil {
		return nil, fmt.Errorf("CSP %s: %w", c.Name, err)
	}
	list, err := parseReasons(string(text), nodes)
	if err != nil {
		return nil, fmt.Errorf("CSP %s: trees/%s: %w", c.Name, c.tree, err)
	}
	return list, nil
}

// parseReasons reads the reasons of a description whose nodes are known: those above the
// n-th line with a node belong to the n-th node.
func parseReasons(text string, nodes []Node) (out []Reason, err error) {
	at, open := 0, 0 // the next node, and how many of out wait for it
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		rest, begins := strings.CutPrefix(line, differs)
		switch {
		case begins:
			kind, why, ok := strings.Cut(rest, ": ")
			if !ok || strings.TrimSpace(why) == "" {
				return nil, fmt.Errorf("line %d: a reason has the form %q", i+1, differs+"KIND: WHY")
			}
			out, open = append(out, Reason{Kind: kind, Text: why}), open+1
		case strings.HasPrefix(line, "# ") && open > 0:
			out[len(out)-1].Text += " " + line[2:]
		case line == "" || line[0] == '#':
		default:
			for ; open > 0; open-- {
				out[len(out)-open].Path = nodes[at].Path
			}
			at++
		}
	}
	if open > 0 {
		return nil, fmt.Errorf("no node is below the reason %q", out[len(out)-1].Text)
	}
	return out, nil
}
