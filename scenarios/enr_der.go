package scenarios

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// derCert is a certificate as it is encoded (RFC 5280 4.1). crypto/x509 refuses
// some of what is forbidden, and does not show the rest.
type derCert struct {
	version             int // 1 to 3
	serial              *big.Int
	inner, outer        []byte // the two AlgorithmIdentifiers
	issuer, subject     []byte // DER of the names
	key                 []byte // DER of the SubjectPublicKeyInfo
	notBefore, notAfter derTime
	uniqueIDs           bool
	extensions          []derExtension
}

type derTime struct {
	tag  cbasn1.Tag
	text string
}

type derExtension struct {
	id       string
	critical bool
	value    []byte
}

// The extensions that are looked at.
const (
	subjectKeyID     = "2.5.29.14"
	keyUsage         = "2.5.29.15"
	subjectAltName   = "2.5.29.17"
	basicConstraints = "2.5.29.19"
	authorityKeyID   = "2.5.29.35"
	extKeyUsage      = "2.5.29.37"
)

const emailAddress = "1.2.840.113549.1.9.1" // attribute of a subject

// readDER reads a certificate, whatever rules it breaks.
func readDER(der []byte) (*derCert, error) {
	c := &derCert{version: 1, serial: new(big.Int)}
	in := cryptobyte.String(der)
	var cert, tbs, validity, explicit, unused cryptobyte.String
	var tagged bool
	fail := func(what string) (*derCert, error) { return nil, fmt.Errorf("its %s cannot be read", what) }
	if !in.ReadASN1(&cert, cbasn1.SEQUENCE) || !in.Empty() || !cert.ReadASN1(&tbs, cbasn1.SEQUENCE) || !cert.ReadASN1Element((*cryptobyte.String)(&c.outer), cbasn1.SEQUENCE) {
		return fail("DER")
	}
	if !tbs.ReadOptionalASN1(&explicit, &tagged, cbasn1.Tag(0).Constructed().ContextSpecific()) || tagged && !explicit.ReadASN1Integer(&c.version) {
		return fail("version")
	}
	if tagged {
		c.version++
	}
	if !tbs.ReadASN1Integer(c.serial) {
		return fail("serial number")
	}
	if !tbs.ReadASN1Element((*cryptobyte.String)(&c.inner), cbasn1.SEQUENCE) {
		return fail("signature algorithm")
	}
	if !tbs.ReadASN1Element((*cryptobyte.String)(&c.issuer), cbasn1.SEQUENCE) || !tbs.ReadASN1(&validity, cbasn1.SEQUENCE) ||
		!readTime(&validity, &c.notBefore) || !readTime(&validity, &c.notAfter) {
		return fail("issuer or validity")
	}
	if !tbs.ReadASN1Element((*cryptobyte.String)(&c.subject), cbasn1.SEQUENCE) || !tbs.ReadASN1Element((*cryptobyte.String)(&c.key), cbasn1.SEQUENCE) {
		return fail("subject or key")
	}
	for tag := cbasn1.Tag(1); tag <= 2; tag++ {
		if !tbs.ReadOptionalASN1(&unused, &tagged, tag.ContextSpecific()) {
			return fail("unique identifiers")
		}
		c.uniqueIDs = c.uniqueIDs || tagged
	}
	if !tbs.ReadOptionalASN1(&explicit, &tagged, cbasn1.Tag(3).Constructed().ContextSpecific()) || !tbs.Empty() || tagged && !c.readExtensions(explicit) {
		return fail("extensions")
	}
	return c, nil
}

func readTime(s *cryptobyte.String, t *derTime) bool {
	var text cryptobyte.String
	ok := s.ReadAnyASN1(&text, &t.tag)
	t.text = string(text)
	return ok
}

func (c *derCert) readExtensions(s cryptobyte.String) bool {
	var list cryptobyte.String
	if !s.ReadASN1(&list, cbasn1.SEQUENCE) || !s.Empty() {
		return false
	}
	for !list.Empty() {
		var one, value cryptobyte.String
		var id asn1.ObjectIdentifier
		var e derExtension
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&id) ||
			one.PeekASN1Tag(cbasn1.BOOLEAN) && !one.ReadASN1Boolean(&e.critical) || !one.ReadASN1(&value, cbasn1.OCTET_STRING) || !one.Empty() {
			return false
		}
		e.id, e.value = id.String(), value
		c.extensions = append(c.extensions, e)
	}
	return true
}

// extension returns the first extension of a kind; nil if there is none.
func (c *derCert) extension(id string) *derExtension {
	for i := range c.extensions {
		if c.extensions[i].id == id {
			return &c.extensions[i]
		}
	}
	return nil
}

// twice returns the ids of extensions that occur more than once.
func (c *derCert) twice() (ids []string) {
	seen := map[string]int{}
	for _, e := range c.extensions {
		if seen[e.id]++; seen[e.id] == 2 {
			ids = append(ids, e.id)
		}
	}
	return ids
}

// The forms of times (RFC 5280 4.1.2.5.1 and 4.1.2.5.2).
var (
	utcTime         = regexp.MustCompile(`^\d{12}Z$`)
	generalizedTime = regexp.MustCompile(`^\d{14}Z$`)
)

// fault says which rule a time breaks; empty if none.
func (t derTime) fault() string {
	switch {
	case t.tag == cbasn1.UTCTime && utcTime.MatchString(t.text):
		return ""
	case t.tag == cbasn1.UTCTime:
		return "UTCTime " + t.text
	case t.tag != cbasn1.GeneralizedTime:
		return fmt.Sprintf("a value with tag %d", t.tag)
	case !generalizedTime.MatchString(t.text) || t.text < "2050":
		return "GeneralizedTime " + t.text
	}
	return ""
}

// validity returns when a certificate is valid, zero where a time cannot be read.
func (c *derCert) validity() (from, to time.Time) { return c.notBefore.time(), c.notAfter.time() }

func (t derTime) time() time.Time {
	form := "20060102150405Z0700"
	if t.tag == cbasn1.UTCTime {
		form = form[2:]
	}
	at, err := time.Parse(form, t.text)
	if err != nil {
		return time.Time{}
	}
	if t.tag == cbasn1.UTCTime && at.Year() >= 2050 {
		at = at.AddDate(-100, 0, 0)
	}
	return at.UTC()
}

// nameAttribute is one part of a name.
type nameAttribute struct {
	id    string
	tag   cbasn1.Tag
	value string
}

// attributes reads a name.
func attributes(der []byte) (out []nameAttribute, err error) {
	in := cryptobyte.String(der)
	var sets cryptobyte.String
	if !in.ReadASN1(&sets, cbasn1.SEQUENCE) {
		return nil, errors.New("not a sequence")
	}
	for !sets.Empty() {
		var set cryptobyte.String
		if !sets.ReadASN1(&set, cbasn1.SET) {
			return nil, errors.New("not a sequence of sets")
		}
		for !set.Empty() {
			var pair, value cryptobyte.String
			var id asn1.ObjectIdentifier
			var a nameAttribute
			if !set.ReadASN1(&pair, cbasn1.SEQUENCE) || !pair.ReadASN1ObjectIdentifier(&id) || !pair.ReadAnyASN1(&value, &a.tag) {
				return nil, errors.New("not a set of attributes")
			}
			a.id, a.value = id.String(), string(value)
			out = append(out, a)
		}
	}
	return out, nil
}

// oddTypes are types of strings that names may no longer have: new ones are
// PrintableString or UTF8String (RFC 5280 4.1.2.4). Attributes of other kinds have
// other types.
var oddTypes = map[cbasn1.Tag]string{cbasn1.T61String: "TeletexString", 28: "UniversalString", 30: "BMPString"}

// oddStrings returns the parts of a name that have such a type.
func oddStrings(list []nameAttribute) (odd []string) {
	for _, a := range list {
		if name := oddTypes[a.tag]; name != "" {
			odd = append(odd, name+" in attribute "+a.id)
		}
	}
	return odd
}

// Bits of keyUsage, the first as 0 (RFC 5280 4.2.1.3).
const (
	digitalSignature = 0
	keyCertSign      = 5
)

// allows reports whether keyUsage has a bit.
func (e *derExtension) allows(bit int) bool {
	var b asn1.BitString
	_, err := asn1.Unmarshal(e.value, &b)
	return err == nil && b.At(bit) == 1
}

// constraints are basicConstraints.
type constraints struct {
	CA   bool `asn1:"optional"`
	Path int  `asn1:"optional,default:-1"`
}

func (e *derExtension) constraints() (c constraints, err error) {
	_, err = asn1.Unmarshal(e.value, &c)
	return c, err
}

// authority returns the key identifier in an authorityKeyIdentifier.
func (e *derExtension) authority() []byte {
	var id struct {
		Key []byte `asn1:"optional,tag:0"`
	}
	if _, err := asn1.Unmarshal(e.value, &id); err != nil {
		return nil
	}
	return id.Key
}
