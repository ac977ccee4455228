package ddf

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/admx"
)

// Kind is the ValueType of AllowedValues.
type Kind string

// The ValueTypes that the files have.
const (
	None  Kind = "None"
	Enum  Kind = "ENUM"
	Flag  Kind = "Flag" // values are bits that may be combined
	Range Kind = "Range"
	RegEx Kind = "RegEx"
	ADMX  Kind = "ADMX"
	XSD   Kind = "XSD"
	JSON  Kind = "JSON"
	SDDL  Kind = "SDDL"
)

// Allowed says which values a node takes. Every value is allowed where it cannot be
// checked: None, SDDL, a range or an expression that Go does not read.
type Allowed struct {
	Kind   Kind     `json:"kind"`
	Values []string `json:"values,omitempty"`
	// Texts describe the values of an ENUM or Flag; the embedded table has none.
	Texts []string `json:"texts,omitempty"`
	// Delimiter separates the values of a list; empty if the node takes one value.
	Delimiter string `json:"delimiter,omitempty"`
	// Area, Name and File name the ADMX policy.
	Area string `json:"area,omitempty"`
	Name string `json:"name,omitempty"`
	File string `json:"file,omitempty"`
}

// Check says what is wrong with a value; nil if nothing is.
func (a *Allowed) Check(value string, f csp.Format) error {
	if a == nil {
		return nil
	}
	if a.Kind == RegEx && a.matches(value) || !a.splits() {
		return a.one(value, f)
	}
	for _, v := range strings.Split(value, a.Delimiter) {
		if strings.TrimSpace(v) == "" {
			continue // an empty list, or the end of one
		}
		if err := a.one(v, f); err != nil {
			return err
		}
	}
	return nil
}

func (a *Allowed) splits() bool {
	return a.Delimiter != "" && (a.Kind == Enum || a.Kind == Range || a.Kind == RegEx)
}

func (a *Allowed) one(value string, f csp.Format) error {
	ok := true
	v := strings.TrimSpace(value)
	switch a.Kind {
	case Enum:
		ok = a.listed(v, f)
	case Flag:
		ok = a.bits(v)
	case Range:
		ok = a.inRange(v)
	case RegEx:
		ok = a.matches(value)
	case ADMX:
		return admxShape(v)
	case XSD:
		if err := wellFormed(v); err != nil {
			return fmt.Errorf("the value must be an XML document: %w", err)
		}
	case JSON:
		if !json.Valid([]byte(v)) {
			return errors.New("the value must be JSON")
		}
	}
	if !ok {
		return errors.New(a.Text())
	}
	return nil
}

// Text says which values are allowed.
func (a *Allowed) Text() (out string) {
	if a == nil {
		return "any value"
	}
	switch a.Kind {
	case Enum:
		out = "one of " + strings.Join(a.Values, ", ")
	case Flag:
		out = "a combination (sum) of the flags " + strings.Join(a.Values, ", ")
	case Range:
		out = "a number in " + strings.Join(a.Values, " or ")
	case RegEx:
		out = "a value that matches " + strings.Join(a.Values, " or ")
	case ADMX:
		out = "<enabled/> or <disabled/>, with <data id=\"...\" value=\"...\"/> for each element of the policy " + a.Name + " in " + a.File
	case XSD:
		out = "an XML document with a schema of its own"
	case JSON:
		out = "JSON"
	case SDDL:
		out = "a security descriptor (SDDL)"
	default:
		out = "any value"
	}
	if a.Delimiter != "" {
		out += fmt.Sprintf("; a list, separated by %s", delimiterText(a.Delimiter))
	}
	return out
}

func delimiterText(d string) string {
	if d == "\uF000" {
		return "U+F000 (&#xF000;)"
	}
	return strconv.Quote(d)
}

// delimiter reads a List's Delimiter: a character, or U+F000 in one of the spellings
// of the files, 0xF000 and \xF000.
func delimiter(s string) string {
	switch strings.ToLower(s) {
	case "0xf000", `\xf000`, `\uf000`, "&#xf000;":
		return "\uF000"
	}
	return s
}

func (a *Allowed) listed(v string, f csp.Format) bool {
	n, isNumber := number(v)
	for _, w := range a.Values {
		if strings.EqualFold(w, v) {
			return true
		}
		if k, ok := number(w); f == csp.Int && isNumber && ok && k == n {
			return true
		}
		if f == csp.Bool && truth(w) != "" && truth(w) == truth(v) {
			return true
		}
	}
	return false
}

// truth is the canonical form of a bool, empty for another value.
func truth(v string) string {
	switch strings.ToLower(v) {
	case "true", "1":
		return "true"
	case "false", "0":
		return "false"
	}
	return ""
}

// number reads a decimal number, or a hexadecimal one with 0x.
func number(v string) (int64, bool) {
	if hex, ok := strings.CutPrefix(strings.ToLower(v), "0x"); ok {
		n, err := strconv.ParseInt(hex, 16, 64)
		return n, err == nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	return n, err == nil
}

func (a *Allowed) bits(v string) bool {
	n, ok := number(v)
	if !ok {
		return false
	}
	var mask uint32
	for _, w := range a.Values {
		k, ok := number(w)
		if !ok {
			return true
		}
		mask |= uint32(k) //nolint:gosec // flags have 32 bits
	}
	return n >= -1<<31 && n < 1<<32 && uint32(n)&^mask == 0
}

// bounds is the form of a Range: [0-100], [(-1)-2147483647], [5].
var bounds = regexp.MustCompile(`\[\s*(?:\((-\d+)\)|(-?\d+))\s*(?:-\s*(?:\((-\d+)\)|(-?\d+))\s*)?\]`)

func (a *Allowed) inRange(v string) bool {
	n, isNumber := number(v)
	for _, w := range a.Values {
		all := bounds.FindAllStringSubmatch(w, -1)
		if len(all) == 0 {
			return true // not a form that can be checked
		}
		for _, m := range all {
			low, ok := number(m[1] + m[2])
			high := low
			if ok && m[3]+m[4] != "" {
				high, ok = number(m[3] + m[4])
			}
			if !ok || isNumber && n >= low && n <= high {
				return true
			}
		}
	}
	return len(a.Values) == 0
}

// expressions caches compiled expressions; nil for those that Go does not compile.
// The embedded table has 23; another set's are limited with its nodes.
var expressions sync.Map

// expression compiles one; one of the files' stands between slashes, as JavaScript
// writes it.
func expression(s string) *regexp.Regexp {
	if known, ok := expressions.Load(s); ok {
		return known.(*regexp.Regexp)
	}
	inner := s
	if len(s) > 2 && s[0] == '/' && s[len(s)-1] == '/' {
		inner = s[1 : len(s)-1]
	}
	re, err := regexp.Compile(inner)
	if err != nil {
		re = nil
	}
	expressions.Store(s, re)
	return re
}

func (a *Allowed) matches(v string) bool {
	for _, w := range a.Values {
		if re := expression(w); re == nil || re.MatchString(v) {
			return true
		}
	}
	return len(a.Values) == 0
}

// admxShape checks the value of an ADMX-backed policy. Which ids it needs stands in the
// ADMX file.
func admxShape(v string) error {
	_, err := admx.ParseValue(v)
	return err
}

func wellFormed(v string) error {
	dec, elements := decoder(strings.NewReader(v)), 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if elements == 0 {
				return errors.New("it has no element")
			}
			return nil
		}
		if err != nil {
			return err
		}
		if _, ok := tok.(xml.StartElement); ok {
			elements++
		}
	}
}
