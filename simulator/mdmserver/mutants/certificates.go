package mutants

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf16"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of certificates: what RFC 5280 asks of their contents.
var (
	EnrLifeOther = &Mutant{"enr-life-other", "issues certificates that live three times as long as the policy says", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) { c.Template.NotAfter = c.Template.NotBefore.AddDate(3, 0, 0) })
	}}
	EnrOutlives = &Mutant{"enr-outlives", "has a CA that ends half a year before the certificates that it issues", func(t *tamper) {
		t.Certify = append(t.Certify, func(c *mdmserver.Certification) {
			if c.Template.IsCA {
				c.Template.NotAfter = time.Now().AddDate(0, 6, 0)
			}
		})
	}}
	EnrBackdated = &Mutant{"enr-backdated", "lets certificates begin two months ago", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) { c.Template.NotBefore = c.Template.NotBefore.AddDate(0, -2, 0) })
	}}
	EnrSubjectSame = &Mutant{"enr-subject-same", "gives all certificates the same subject", func(t *tamper) {
		subject(t, func(n *pkix.Name) { *n = pkix.Name{CommonName: "managed device"} })
	}}
	EnrSubjectEmpty = &Mutant{"enr-subject-empty", "issues certificates without a subject", func(t *tamper) {
		subject(t, func(n *pkix.Name) { *n = pkix.Name{} })
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.Remove(hook.Parm(hook.W7(p.Doc), "SSLCLIENTCERTSEARCHCRITERIA")) })
	}}
	EnrSerialLong = &Mutant{"enr-serial-long", "makes serial numbers of 24 bytes", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) { c.Template.SerialNumber.Lsh(c.Template.SerialNumber, 60) })
	}}
	EnrUniqueID = &Mutant{"enr-unique-id", "writes a unique identifier into certificates", func(t *tamper) {
		rewritten(t, func(tbs []asn1.RawValue) []asn1.RawValue {
			id := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte{0, 1}}
			return append(tbs[:len(tbs)-1:len(tbs)-1], id, tbs[len(tbs)-1]) // before the extensions
		})
	}}
	EnrSerialSome = &Mutant{"enr-serial-some", "makes a serial number of 24 bytes for every other certificate", func(t *tamper) {
		var issued atomic.Int64
		certify(t, func(c *mdmserver.Certification) {
			if issued.Add(1)%2 == 0 {
				c.Template.SerialNumber.Lsh(c.Template.SerialNumber, 60)
			}
		})
	}}
	EnrVersionOne = &Mutant{"enr-version-one", "writes extensions into certificates of version 1", func(t *tamper) {
		rewritten(t, func(tbs []asn1.RawValue) []asn1.RawValue { return tbs[1:] })
	}}
	EnrTimeGeneral = &Mutant{"enr-time-general", "writes dates of this century's first half as GeneralizedTime", func(t *tamper) {
		rewritten(t, func(tbs []asn1.RawValue) []asn1.RawValue {
			var v struct{ NotBefore, NotAfter time.Time }
			if _, err := asn1.Unmarshal(tbs[4].FullBytes, &v); err == nil {
				tbs[4] = raw(struct {
					NotBefore, NotAfter time.Time `asn1:"generalized"`
				}{v.NotBefore, v.NotAfter})
			}
			return tbs
		})
	}}
	EnrNameBMP = &Mutant{"enr-name-bmp", "writes the subject as BMPString", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) { c.Template.RawSubject = bmpName(c.Template.Subject.CommonName) })
	}}
	EnrAuthorityKey = &Mutant{"enr-authority-key", "names another key of the CA in certificates", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			id := raw(struct {
				Key []byte `asn1:"tag:0"`
			}{make([]byte, 20)})
			c.Template.ExtraExtensions = append(c.Template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 35}, Value: id.FullBytes})
		})
	}}
	EnrCAUsage = &Mutant{"enr-ca-usage", "has a CA whose certificate has no keyUsage", func(t *tamper) {
		t.Certify = append(t.Certify, func(c *mdmserver.Certification) {
			if c.Template.IsCA {
				c.Template.KeyUsage = 0
			}
		})
	}}
	EnrCertCA = &Mutant{"enr-cert-ca", "makes every device a CA", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) { c.Template.IsCA, c.Template.BasicConstraintsValid = true, true })
	}}
	EnrCertUsage = &Mutant{"enr-cert-usage", "allows a device's key everything but signatures", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) { c.Template.KeyUsage = x509.KeyUsageKeyEncipherment })
	}}
	EnrNoKeyID = &Mutant{"enr-no-key-id", "leaves subjectKeyIdentifier out of a device's certificate", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) { c.Template.SubjectKeyId = nil })
	}}
)

var certificates = []*Mutant{
	EnrLifeOther, EnrOutlives, EnrBackdated, EnrSubjectSame, EnrSubjectEmpty, EnrSerialLong, EnrSerialSome, EnrUniqueID, EnrVersionOne, EnrTimeGeneral, EnrNameBMP, EnrAuthorityKey,
	EnrCAUsage, EnrCertCA, EnrCertUsage, EnrNoKeyID,
}

// subject lets f change the subject of a device's certificate. The server goes on
// knowing the device, by the serial number.
func subject(t *tamper, f func(*pkix.Name)) {
	var owners sync.Map
	certify(t, func(c *mdmserver.Certification) {
		owners.Store(c.Template.SerialNumber.String(), c.Template.Subject.CommonName)
		f(&c.Template.Subject)
	})
	t.Owner = append(t.Owner, func(cert *x509.Certificate, id string) string {
		if known, ok := owners.Load(cert.SerialNumber.String()); ok {
			return known.(string)
		}
		return id
	})
}

// rewritten lets f change the fields of a device's certificate before it is signed.
func rewritten(t *tamper, f func([]asn1.RawValue) []asn1.RawValue) {
	certify(t, func(c *mdmserver.Certification) {
		c.TBS = func(der []byte) []byte {
			var fields []asn1.RawValue
			if _, err := asn1.Unmarshal(der, &fields); err != nil {
				panic(err)
			}
			return raw(f(fields)).FullBytes
		}
	})
}

func raw(v any) asn1.RawValue {
	der, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return asn1.RawValue{FullBytes: der}
}

// bmpName is a name of one common name.
func bmpName(cn string) []byte {
	var text []byte
	for _, unit := range utf16.Encode([]rune(cn)) {
		text = binary.BigEndian.AppendUint16(text, unit)
	}
	type attribute struct {
		ID    asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	pair := raw(attribute{asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.RawValue{Tag: asn1.TagBMPString, Bytes: text}})
	return raw([]asn1.RawValue{{Tag: asn1.TagSet, IsCompound: true, Bytes: pair.FullBytes}}).FullBytes
}
