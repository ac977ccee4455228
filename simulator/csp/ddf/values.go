package ddf

import (
	"encoding/xml"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/simulator/csp"
)

// allowed reads AllowedValues and the elements of the same form in dependencies.
func (r *reader) allowed(e xml.StartElement) (*Allowed, error) {
	a := &Allowed{Kind: kindOf(attr(e, "ValueType"))}
	_, err := r.children(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "Enum":
			var value, words string
			err = r.all(func(name, text string) {
				switch name {
				case "Value":
					value = text
				case "ValueDescription":
					words = text
				}
			})
			a.Values, a.Texts = append(a.Values, value), append(a.Texts, words)
		case "Value":
			var s string
			s, err = r.text()
			a.Values = append(a.Values, s)
		case "List":
			a.Delimiter = delimiter(attr(e, "Delimiter"))
			err = r.skip(e)
		case "AdmxBacked":
			a.Area, a.Name, a.File = attr(e, "Area"), attr(e, "Name"), attr(e, "File")
			err = r.skip(e)
		default:
			err = r.skip(e)
		}
		return err
	})
	return a, err
}

func kindOf(s string) Kind {
	for _, k := range []Kind{None, Enum, Flag, Range, RegEx, ADMX, XSD, JSON, SDDL} {
		if strings.EqualFold(s, string(k)) {
			return k
		}
	}
	return Kind(s)
}

func (r *reader) dependencies(n *Node) error {
	_, err := r.children(func(e xml.StartElement) error {
		if e.Name.Local != "DependencyGroup" {
			return r.skip(e)
		}
		var g Group
		_, err := r.children(func(e xml.StartElement) (err error) {
			switch e.Name.Local {
			case "Dependency":
				d := Dependency{Not: attr(e, "Type") == "Not"}
				_, err = r.children(func(e xml.StartElement) (err error) {
					switch e.Name.Local {
					case "DependencyUri":
						d.URI, err = r.text()
					case "DependencyAllowedValue":
						d.Allowed, err = r.allowed(e)
					default:
						err = r.skip(e)
					}
					return err
				})
				g.On = append(g.On, d)
			case "DependencyChangedAllowedValues":
				g.Changed, err = r.allowed(e)
			default:
				err = r.skip(e)
			}
			return err
		})
		n.Depends = append(n.Depends, g)
		return err
	})
	return err
}

// correct mends what is known to be wrong in the files of February 2025.
func correct(n *Node) {
	// RootCATrustedCertificates' EncodedCertificate has a name, and is marked dynamic.
	if !n.Dynamic() {
		n.Naming = ""
	}
	// ForceAadToken is a bool with the values 0 to 8.
	if n.Format == csp.Bool && n.Allowed != nil && n.Allowed.Kind == Enum {
		for _, v := range n.Allowed.Values {
			if _, isNumber := number(v); isNumber && truth(v) == "" {
				n.Format = csp.Int
			}
		}
	}
	// The ports of a VPN's traffic filter are ranges, such as 100-120,200,300-320, by
	// their own texts and the samples of Learn, "VPNv2 CSP"; the expression takes digits
	// alone.
	if strings.HasSuffix(n.Path, "PortRanges") && n.Allowed != nil && slices.Equal(n.Allowed.Values, []string{`^[\d]*$`}) {
		n.Allowed.Values = []string{"^[0-9, -]*$"}
	}
}
