package page

import (
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep elements are indented, and maxNesting how deep they are looked
// at; deeper ones stand beside each other.
const maxDepth, maxNesting = 24, 256

// node is an element of an XML text, or what stands between elements. It keeps the
// bytes: a page shows what was sent, prefixes and mistakes included.
type node struct {
	kind     byte // an element is a tag
	open     string
	close    string // empty: closed in open, or never
	name     string // without its prefix
	children []*node
	marked   bool
}

// layoutXML indents an XML text, whether it is well-formed or not.
func layoutXML(text string, marks []Mark) []piece {
	top := &node{}
	readXML(top, text, marks)
	l := &xmlLayout{}
	for _, c := range top.children {
		l.put(c, 0)
	}
	return l.out
}

// readXML adds the nodes of a text to an element.
func readXML(top *node, text string, marks []Mark) {
	stack := []*node{top}
	last := func() *node { return stack[len(stack)-1] }
	add := func(n *node) { last().children = append(last().children, n) }
	for text != "" {
		var t string
		t, text = token(text)
		switch {
		case isText(t):
			if strings.TrimSpace(t) != "" || len(last().children) == 0 && strings.HasPrefix(text, "</") {
				add(&node{kind: plain, open: t})
			}
		case strings.HasPrefix(t, "<![CDATA["):
			n := &node{kind: plain, open: t}
			if inner, ok := strings.CutSuffix(t[len("<![CDATA["):], "]]>"); ok && strings.HasPrefix(strings.TrimSpace(inner), "<") {
				n = &node{kind: aside, open: "<![CDATA[", close: "]]>"}
				readXML(n, strings.TrimSpace(inner), marks)
			}
			add(n)
		case strings.HasPrefix(t, "<!"), strings.HasPrefix(t, "<?"):
			add(&node{kind: aside, open: t})
		case strings.HasPrefix(t, "</"):
			name := strings.TrimSpace(strings.Trim(t, "</>"))
			i := len(stack) - 1
			for i > 0 && qualified(stack[i].open) != name {
				i--
			}
			if i == 0 {
				add(&node{kind: tag, open: t}) // it closes nothing
				continue
			}
			stack[i].close = t
			stack = stack[:i]
		default:
			n := &node{kind: tag, open: t, name: local(qualified(t))}
			add(n)
			if !strings.HasSuffix(t, "/>") && len(stack) < maxNesting {
				stack = append(stack, n)
			}
		}
	}
	mark(top, marks)
}

// begins matches the beginning of what is more than text.
var begins = regexp.MustCompile(`^<[\pL_:/!?]`)

func isText(s string) bool {
	return s[0] != '<' || !begins.MatchString(s[:min(len(s), utf8.UTFMax+1)])
}

// token cuts the first token from an XML text: a tag, a comment, or text.
func token(s string) (first, rest string) {
	if isText(s) {
		if i := strings.IndexByte(s[1:], '<'); i >= 0 {
			return s[:i+1], s[i+1:]
		}
		return s, ""
	}
	for _, k := range [][2]string{{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}} {
		if strings.HasPrefix(s, k[0]) {
			if i := strings.Index(s, k[1]); i >= 0 {
				return s[:i+len(k[1])], s[i+len(k[1]):]
			}
			return s, ""
		}
	}
	quote := byte(0)
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return s[:i+1], s[i+1:]
		case c == '<': // the tag was cut
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// qualified is the name in a tag.
func qualified(open string) string {
	name := strings.TrimLeft(open, "</")
	if i := strings.IndexAny(name, " \t\r\n/>"); i >= 0 {
		name = name[:i]
	}
	return name
}

func local(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

var attribute = regexp.MustCompile(`([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')`)

// mark marks the elements that are meant.
func mark(n *node, marks []Mark) {
	for _, c := range n.children {
		if c.kind != tag || len(marks) == 0 {
			continue
		}
		attributes := map[string]string{}
		for _, a := range attribute.FindAllStringSubmatch(c.open, -1) {
			attributes[a[1]] = html.UnescapeString(a[2] + a[3])
		}
		value := ""
		if len(c.children) == 1 && c.children[0].kind == plain {
			value = html.UnescapeString(c.children[0].open)
		}
		c.marked = matches(marks, c.name, value, attributes)
		if !c.marked {
			mark(c, marks)
		}
	}
}

// xmlLayout lays nodes out in lines.
type xmlLayout struct{ out []piece }

func (l *xmlLayout) put(n *node, depth int) {
	if len(l.out) > 0 {
		l.out = append(l.out, piece{kind: fresh, text: strings.Repeat("  ", min(depth, maxDepth))})
	}
	at := len(l.out)
	text := n.open
	if n.kind == plain {
		text = strings.TrimSpace(text)
	}
	l.out = append(l.out, piece{kind: n.kind, text: text})
	switch {
	case len(n.children) == 1 && n.children[0].kind == plain:
		l.out = append(l.out, piece{kind: plain, text: n.children[0].open})
	case len(n.children) > 0:
		for _, c := range n.children {
			l.put(c, depth+1)
		}
		if n.close != "" {
			l.out = append(l.out, piece{kind: fresh, text: strings.Repeat("  ", min(depth, maxDepth))})
		}
	}
	if n.close != "" {
		l.out = append(l.out, piece{kind: n.kind, text: n.close})
	}
	if n.marked {
		l.out[at].start++
		l.out[len(l.out)-1].end++
	}
}
