package enroll

import (
	"encoding/asn1"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Criteria is a parsed SSLCLIENTCERTSEARCHCRITERIA: how the device finds its
// client certificate (Learn, "w7 APPLICATION CSP"; MS-MDE2 2.2.9.5).
type Criteria struct {
	Subjects []string // any of them, such as CN=Tester,O=Microsoft
	Stores   []string // My\User or My\System; empty: any
}

// valueSeparator stands between several values of one name.
const valueSeparator = "\uF000"

// ReadCriteria parses Subject=...&Stores=..., each value URI-escaped. Other
// names are ignored, as the document says.
func ReadCriteria(s string) (Criteria, error) {
	var c Criteria
	for pair := range strings.SplitSeq(s, "&") {
		name, raw, ok := strings.Cut(pair, "=")
		if !ok {
			return c, fmt.Errorf("SSLCLIENTCERTSEARCHCRITERIA: %q is not name=value", pair)
		}
		value, err := url.PathUnescape(raw)
		if err != nil {
			return c, fmt.Errorf("SSLCLIENTCERTSEARCHCRITERIA: %q is not URI-escaped: %w", raw, err)
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "subject":
			c.Subjects = strings.Split(value, valueSeparator)
		case "stores":
			c.Stores = strings.Split(value, valueSeparator)
		}
	}
	return c, nil
}

// In reports whether the criteria search a store, such as My\User; the case of
// its name does not matter.
func (c *Criteria) In(store string) bool {
	return len(c.Stores) == 0 || slices.ContainsFunc(c.Stores, func(s string) bool { return strings.EqualFold(s, store) })
}

// Match reports whether the criteria name a certificate's subject: every
// attribute of one of Subjects is in it, in any order.
func (c *Criteria) Match(cert *Cert) bool {
	has := readName(cert.subject)
	return slices.ContainsFunc(c.Subjects, func(s string) bool {
		wanted := splitName(s)
		return len(wanted) > 0 && !slices.ContainsFunc(wanted, func(w [2]string) bool {
			return !slices.ContainsFunc(has, func(h [2]string) bool { return strings.EqualFold(h[0], w[0]) && strings.EqualFold(h[1], w[1]) })
		})
	})
}

// Subject is the certificate's subject, such as CN=Tester,O=Microsoft.
func (c *Cert) Subject() string {
	var parts []string
	for _, a := range readName(c.subject) {
		parts = append(parts, a[0]+"="+a[1])
	}
	return strings.Join(parts, ",")
}

// CommonName is the first common name of the subject; empty if it has none.
func (c *Cert) CommonName() string {
	for _, a := range readName(c.subject) {
		if a[0] == "CN" {
			return a[1]
		}
	}
	return ""
}

// attributeNames are the short names of subject attributes, as Windows writes
// them (RFC 4514 section 3, and E).
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU",
	"0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID", "1.2.840.113549.1.9.1": "E",
}

// readName reads the attributes of a DER name leniently: a server may copy the
// subject of the Windows request, with "!" and NUL in a PrintableString.
func readName(der []byte) (out [][2]string) {
	var sets []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &sets); err != nil {
		return nil
	}
	for _, set := range sets {
		for rest := set.Bytes; len(rest) > 0; {
			var a struct {
				Type  asn1.ObjectIdentifier
				Value asn1.RawValue
			}
			var err error
			if rest, err = asn1.Unmarshal(rest, &a); err != nil {
				return out
			}
			name := attributeNames[a.Type.String()]
			if name == "" {
				name = a.Type.String()
			}
			out = append(out, [2]string{name, trimmed(nameValue(a.Value))})
		}
	}
	return out
}

// nameValue decodes the string of an attribute.
func nameValue(v asn1.RawValue) string {
	if v.Tag == asn1.TagBMPString {
		var b strings.Builder
		for i := 0; i+1 < len(v.Bytes); i += 2 {
			b.WriteRune(rune(v.Bytes[i])<<8 | rune(v.Bytes[i+1]))
		}
		return b.String()
	}
	return string(v.Bytes)
}

func trimmed(s string) string { return strings.Trim(s, " \x00") }

// splitName splits CN=Tester,O="Micro, soft" into attributes (RFC 4514, and the
// quotes of its predecessors).
func splitName(s string) (out [][2]string) {
	var part strings.Builder
	quoted, escaped := false, false
	end := func() {
		if name, value, ok := strings.Cut(part.String(), "="); ok {
			name = strings.TrimPrefix(strings.ToUpper(trimmed(name)), "OID.")
			if name == "S" {
				name = "ST" // as Windows writes it
			}
			out = append(out, [2]string{name, trimmed(value)})
		}
		part.Reset()
	}
	for _, r := range s {
		switch {
		case escaped:
			part.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case !quoted && strings.ContainsRune(",;+", r):
			end()
		default:
			part.WriteRune(r)
		}
	}
	end()
	return out
}
