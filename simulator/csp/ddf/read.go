package ddf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/dmwake/dmwake/simulator/csp"
)

// Limits of one file. The largest of Microsoft's has 600 KB, 352 nodes and 9 levels.
const (
	maxFile  = 16 << 20
	maxNodes = 50_000
	maxDepth = 100
	maxPath  = 1024
)

// Read reads one DDF v2 file (Learn, "Configuration service provider DDF files"): its
// nodes, parents first. It accepts UTF-8 and UTF-16, a DOCTYPE with an internal subset,
// and Microsoft's elements with and without the prefix MSFT. name is what
// errors and the nodes' File say.
func Read(b []byte, name string) ([]Node, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("%s: %d bytes, at most %d", name, len(b), maxFile)
	}
	b, err := utf8Text(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r := &reader{dec: decoder(bytes.NewReader(b)), file: name}
	if err := r.document(); err != nil {
		line, column := r.dec.InputPos()
		return nil, fmt.Errorf("%s:%d:%d: %w", name, line, column, notXML(err))
	}
	return r.nodes, nil
}

// decoder reads XML whose bytes are UTF-8, whatever encoding they declare: a text in
// another encoding was converted before.
func decoder(r io.Reader) *xml.Decoder {
	dec := xml.NewDecoder(r)
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return dec
}

// notXML words an error of the XML library; others are as they were.
func notXML(err error) error {
	s := (*xml.SyntaxError)(nil)
	switch {
	case !errors.As(err, &s):
		return err
	case s.Msg == "unexpected EOF":
		return errors.New("the XML ends too early")
	}
	return errors.New("this is not XML: " + s.Msg)
}

type reader struct {
	dec   *xml.Decoder
	file  string
	depth int
	nodes []Node
}

// children calls f for each child element of the one that was just opened, until it
// ends; f must read its element to the end. text is what stands between them.
func (r *reader) children(f func(xml.StartElement) error) (text string, err error) {
	if r.depth++; r.depth > maxDepth {
		return "", fmt.Errorf("more than %d levels", maxDepth)
	}
	defer func() { r.depth-- }()
	var chars strings.Builder
	for {
		tok, err := r.dec.Token()
		if err != nil {
			return "", err
		}
		switch t := tok.(type) {
		case xml.CharData:
			chars.Write(t)
		case xml.EndElement:
			return chars.String(), nil
		case xml.StartElement:
			if err := f(t); err != nil {
				return "", err
			}
		}
	}
}

func (r *reader) skip(xml.StartElement) error {
	_, err := r.children(r.skip)
	return err
}

func (r *reader) text() (string, error) {
	s, err := r.children(r.skip)
	return strings.TrimSpace(s), err
}

// all calls f with the name and text of each child element: <Get/> in AccessType.
func (r *reader) all(f func(name, text string)) error {
	_, err := r.children(func(e xml.StartElement) error {
		s, err := r.text()
		f(e.Name.Local, s)
		return err
	})
	return err
}

func (r *reader) document() error {
	for {
		tok, err := r.dec.Token()
		if errors.Is(err, io.EOF) {
			return errors.New("not a DDF file: it has no element MgmtTree")
		}
		if err != nil {
			return err
		}
		e, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if e.Name.Local != "MgmtTree" {
			return fmt.Errorf("not a DDF file: its root is %s, not MgmtTree", e.Name.Local)
		}
		_, err = r.children(func(e xml.StartElement) error {
			if e.Name.Local != "Node" {
				return r.skip(e)
			}
			return r.node(nil)
		})
		if err == nil && len(r.nodes) == 0 {
			err = errors.New("the file describes no node")
		}
		return err
	}
}

// node reads a Node. Its name and properties come before its children in every file;
// a file in which they do not is refused.
func (r *reader) node(parent *Node) error {
	if len(r.nodes) >= maxNodes {
		return fmt.Errorf("more than %d nodes", maxNodes)
	}
	n := Node{File: r.file, Format: csp.Interior}
	if parent != nil {
		n.Builds, n.CSPVersion, n.Editions = parent.Builds, parent.CSPVersion, parent.Editions
	}
	var name, path string
	named, placed := false, false
	place := func() error {
		if placed {
			return nil
		}
		placed = true
		switch {
		case !named:
			return errors.New("a Node without NodeName before its children")
		case strings.ContainsAny(name, "/{}"):
			return fmt.Errorf("NodeName %q is not a name", name)
		case parent != nil:
			path = parent.Path
		case path == "":
			return fmt.Errorf("the root node %q has no Path", name)
		}
		if name == "" {
			name = "{" + strings.Map(func(c rune) rune {
				if strings.ContainsRune("/{}", c) {
					return -1
				}
				return c
			}, n.Title) + "}"
		}
		n.Path = strings.TrimSuffix(path, "/") + "/" + name
		if err := address(n.Path); err != nil {
			return fmt.Errorf("the path %.80q %w", n.Path, err)
		}
		n.Scope = ScopeOf(n.Path)
		correct(&n)
		r.nodes = append(r.nodes, n)
		return nil
	}
	_, err := r.children(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "NodeName":
			name, err = r.text()
			named = true
		case "Path":
			path, err = r.text()
		case "DFProperties":
			if placed {
				return errors.New("DFProperties after a child node")
			}
			err = r.properties(&n)
		case "Node":
			if err = place(); err == nil {
				err = r.node(&n)
			}
		default:
			err = r.skip(e)
		}
		return err
	})
	if err != nil {
		return err
	}
	return place()
}

// address says what is wrong with a node's path: no command could reach such a node.
func address(path string) error {
	rest, ok := strings.CutPrefix(path, "./")
	switch {
	case !ok:
		return errors.New("does not begin with ./")
	case len(path) > maxPath:
		return fmt.Errorf("is longer than %d bytes", maxPath)
	case strings.ContainsFunc(path, unicode.IsControl):
		return errors.New("has a control character")
	}
	for name := range strings.SplitSeq(rest, "/") {
		if name == "" || name == "." || name == ".." || name == "*" {
			return fmt.Errorf("has the name %q", name)
		}
	}
	return nil
}

var opNames = map[string]csp.Ops{"Add": csp.Add, "Delete": csp.Delete, "Exec": csp.Exec, "Get": csp.Get, "Replace": csp.Replace}

func (r *reader) properties(n *Node) error {
	first := func(to *string) error {
		return r.all(func(name, _ string) { *to = name })
	}
	_, err := r.children(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "AccessType":
			err = r.all(func(name, _ string) { n.Ops |= opNames[name] })
		case "DefaultValue":
			var s string
			s, err = r.text()
			n.Default = &s
		case "Description":
			n.Description, err = r.text()
		case "DFFormat":
			err = r.all(func(name, _ string) { n.Format = csp.Format(strings.ToLower(name)) })
		case "Occurrence":
			err = first(&n.Occurs)
		case "Scope":
			err = r.all(func(name, _ string) { n.Permanent = name == "Permanent" })
		case "DFTitle":
			n.Title, err = r.text()
		case "DFType":
			err = r.all(func(name, text string) {
				if n.Type = text; name != "MIME" {
					n.Type = name
				}
			})
		case "CaseSense":
			err = first(&n.CaseSense)
		case "DynamicNodeNaming":
			err = first(&n.Naming)
		case "AtomicRequired":
			n.Atomic = true
			err = r.skip(e)
		case "Deprecated":
			n.Deprecated = true
			if s := attr(e, "OsBuildDeprecated"); s != "" {
				if n.DeprecatedB, err = ParseBuild(s); err != nil {
					return err
				}
			}
			err = r.skip(e)
		case "ConflictResolution":
			n.Conflict, err = r.text()
		case "RebootBehavior":
			n.Reboot, err = r.text()
		case "ReplaceBehavior":
			n.Replace, err = r.text()
		case "GpMapping":
			n.GroupPolicy = attr(e, "GpEnglishName")
			err = r.skip(e)
		case "Applicability":
			err = r.applicability(n)
		case "AllowedValues":
			n.Allowed, err = r.allowed(e)
		case "DependencyBehavior":
			err = r.dependencies(n)
		default:
			err = r.skip(e)
		}
		return err
	})
	return err
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// applicability replaces what the parent has.
func (r *reader) applicability(n *Node) (err error) {
	e := r.all(func(name, text string) {
		switch name {
		case "OsBuildVersion":
			n.Builds = nil
			for _, s := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ';' || c == ' ' || c == '\n' }) {
				b, bad := ParseBuild(s)
				if bad != nil {
					err = bad
				}
				n.Builds = append(n.Builds, b)
			}
		case "CspVersion":
			n.CSPVersion = text
		case "EditionAllowList":
			n.Editions = text
		}
	})
	if e != nil {
		return e
	}
	return err
}
