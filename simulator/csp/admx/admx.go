// Package admx reads what a server sends of ADMX files: the files themselves, which it
// ingests for the policies of an app (Learn, "Win32 and Desktop Bridge app ADMX policy
// Ingestion"), and the values of policies that such a file describes (Learn,
// "Understanding ADMX policies").
package admx

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// File is an ADMX file.
type File struct {
	Policies []Policy
	index    map[string]int // by category and name, in lower case
	areas    map[string]bool
}

// Policy is one policy of a file.
type Policy struct {
	Name string
	// Class says where it is set: "Machine", "User" or "Both".
	Class string
	// Category is the last part of the area's name, from the top category down:
	// "ParentCategoryArea~Category1".
	Category string
	// Elements are the ids that <data> may have.
	Elements []string
	// Keys are the registry keys to which it writes.
	Keys []string
}

// defaultCategory is the category of a policy that names none.
const defaultCategory = "DefaultCategory"

// file is the form of an ADMX file (the schema policyDefinitions of Group Policy).
type file struct {
	XMLName xml.Name
	Target  struct {
		Prefix string `xml:"prefix,attr"`
	} `xml:"policyNamespaces>target"`
	Categories []struct {
		Name   string `xml:"name,attr"`
		Parent ref    `xml:"parentCategory"`
	} `xml:"categories>category"`
	Policies []struct {
		Name     string `xml:"name,attr"`
		Class    string `xml:"class,attr"`
		Key      string `xml:"key,attr"`
		Parent   ref    `xml:"parentCategory"`
		Elements struct {
			All []struct {
				ID  string `xml:"id,attr"`
				Key string `xml:"key,attr"`
			} `xml:",any"`
		} `xml:"elements"`
	} `xml:"policies>policy"`
}

type ref struct {
	Ref string `xml:"ref,attr"`
}

// Read reads a file.
func Read(text string) (*File, error) {
	var in file
	dec := decoder(text)
	if err := dec.Decode(&in); err != nil {
		return nil, fmt.Errorf("the ADMX file is not XML: %w", err)
	}
	if in.XMLName.Local != "policyDefinitions" {
		return nil, fmt.Errorf("the ADMX file has the root element %s, not policyDefinitions", in.XMLName.Local)
	}
	parents := map[string]string{}
	for _, c := range in.Categories {
		parents[c.Name] = in.local(c.Parent.Ref)
	}
	f := &File{index: map[string]int{}, areas: map[string]bool{}}
	for i := range in.Policies {
		p := &in.Policies[i]
		if p.Name == "" {
			return nil, errors.New("the ADMX file has a policy without a name")
		}
		out := Policy{Name: p.Name, Class: p.Class, Category: path(parents, in.local(p.Parent.Ref))}
		if p.Key != "" {
			out.Keys = append(out.Keys, p.Key)
		}
		for _, e := range p.Elements.All {
			if e.ID != "" {
				out.Elements = append(out.Elements, e.ID)
			}
			if e.Key != "" {
				out.Keys = append(out.Keys, e.Key)
			}
		}
		f.index[strings.ToLower(out.Category+"/"+out.Name)] = len(f.Policies)
		f.areas[strings.ToLower(out.Category)] = true
		f.Policies = append(f.Policies, out)
	}
	return f, nil
}

// local is a category's name in this file; one of another file is no part of an area's
// name, as Chrome~Policy~googlechrome shows: that category is below Google's.
func (f *file) local(name string) string {
	prefix, rest, ok := strings.Cut(name, ":")
	switch {
	case !ok:
		return name
	case prefix == f.Target.Prefix:
		return rest
	}
	return ""
}

// path follows parentCategory to the top.
func path(parents map[string]string, name string) string {
	var out []string
	for name != "" && len(out) <= len(parents) { // a circle ends
		if _, known := parents[name]; !known {
			break
		}
		out = append([]string{name}, out...)
		name = parents[name]
	}
	if len(out) == 0 {
		return defaultCategory
	}
	return strings.Join(out, "~")
}

// Policy finds a policy; names are compared without case.
func (f *File) Policy(category, name string) *Policy {
	i, ok := f.index[strings.ToLower(category+"/"+name)]
	if !ok {
		return nil
	}
	return &f.Policies[i]
}

// HasCategory reports whether a policy has the category.
func (f *File) HasCategory(category string) bool { return f.areas[strings.ToLower(category)] }

// Protected is a key to which an ingested policy may not write, empty if there is none.
func (f *File) Protected() string {
	for i := range f.Policies {
		for _, k := range f.Policies[i].Keys {
			if protected(k) {
				return k
			}
		}
	}
	return ""
}

// Keys of Windows, and those under them that apps have (Learn, "Win32 and Desktop
// Bridge app ADMX policy Ingestion"). That list has no key for the policies of Edge, but
// Learn, "Configure Microsoft Edge using Mobile Device Management", has
// MSEdge.admx ingested, which writes there.
var (
	closed = []string{`system`, `software\microsoft`, `software\policies\microsoft`}
	open   = []string{
		`software\policies\microsoft\office`, `software\microsoft\office`, `software\microsoft\windows\currentversion\explorer`,
		`software\microsoft\internet explorer`, `software\policies\microsoft\shared tools\proofing tools`, `software\policies\microsoft\imejp`,
		`software\policies\microsoft\ime\shared`, `software\policies\microsoft\shared tools\graphics filters`,
		`software\policies\microsoft\windows\currentversion\explorer`, `software\policies\microsoft\softwareprotectionplatform`,
		`software\policies\microsoft\officesoftwareprotectionplatform`, `software\policies\microsoft\windows\windows search\preferences`,
		`software\policies\microsoft\exchange`, `software\microsoft\shared tools\proofing tools`, `software\microsoft\shared tools\graphics filters`,
		`software\microsoft\windows\windows search\preferences`, `software\microsoft\exchange`, `software\policies\microsoft\vba\security`,
		`software\policies\microsoft\edge`, `software\microsoft\onedrive`, `software\microsoft\edge`, `software\microsoft\edgeupdate`,
	}
)

func protected(key string) bool { return under(key, closed) && !under(key, open) }

func under(key string, keys []string) bool {
	key = strings.ToLower(strings.Trim(key, `\`))
	for _, k := range keys {
		if key == k || strings.HasPrefix(key, k+`\`) {
			return true
		}
	}
	return false
}

// Check says what is wrong with a value: its form, an id that the policy lacks, or an
// element that an enabled policy has and the value lacks. A Windows 11 24H2 answered 500
// to such a value, and wrote event 856: element not found [seen, sgp-go/jamf].
func (p *Policy) Check(value string) error {
	v, err := ParseValue(value)
	if err != nil {
		return err
	}
	for _, id := range v.Data {
		if !contains(p.Elements, id) {
			return fmt.Errorf("the policy %s has no element %q; it has %s", p.Name, id, strings.Join(p.Elements, ", "))
		}
	}
	for _, id := range p.Elements {
		if v.Enabled && !contains(v.Data, id) {
			return fmt.Errorf("the value lacks the element %q of the policy %s", id, p.Name)
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if strings.EqualFold(e, s) {
			return true
		}
	}
	return false
}

// decoder reads XML whose bytes are UTF-8, whatever encoding they declare: a SyncML
// message carried it.
func decoder(text string) *xml.Decoder {
	dec := xml.NewDecoder(strings.NewReader(text))
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return dec
}
