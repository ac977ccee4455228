package compare

import (
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"strings"
)

// maxDER bounds how deep a certificate request is nested; real ones have 8 levels.
const maxDER = 16

// csrDifference compares two certificate requests in base64: their structure and all
// values that are neither key nor signature. It is empty if they are equal.
func csrDifference(seen, sim string) (atReal, atSim string) {
	a, b := shape(seen), shape(sim)
	for i := range max(len(a), len(b)) {
		x, y := "the end", "the end"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return x, y
		}
	}
	return "", ""
}

// shape describes DER, a line for each element.
func shape(base64DER string) (out []string) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(base64DER), ""))
	if err != nil {
		return []string{"not base64"}
	}
	var walk func(der []byte, depth int)
	walk = func(der []byte, depth int) {
		for len(der) > 0 {
			var v asn1.RawValue
			rest, err := asn1.Unmarshal(der, &v)
			if err != nil || depth > maxDER {
				out = append(out, "not DER")
				return
			}
			name := fmt.Sprintf("%s%s", strings.Repeat("  ", depth), tagName(v))
			switch {
			case v.IsCompound:
				out = append(out, name)
				walk(v.Bytes, depth+1)
			case v.Tag == asn1.TagBitString && v.Class == asn1.ClassUniversal:
				out = append(out, name) // a key or a signature
			default:
				out = append(out, name+" "+valueOf(v))
			}
			der = rest
		}
	}
	walk(der, 0)
	return out
}

func valueOf(v asn1.RawValue) string {
	var oid asn1.ObjectIdentifier
	if v.Tag == asn1.TagOID {
		if _, err := asn1.Unmarshal(v.FullBytes, &oid); err == nil {
			return oid.String()
		}
	}
	return fmt.Sprintf("%q", v.Bytes)
}

func tagName(v asn1.RawValue) string {
	names := map[int]string{asn1.TagInteger: "INTEGER", asn1.TagBitString: "BIT STRING", asn1.TagOctetString: "OCTET STRING", asn1.TagNull: "NULL", asn1.TagOID: "OID",
		asn1.TagUTF8String: "UTF8String", asn1.TagSequence: "SEQUENCE", asn1.TagSet: "SET", asn1.TagPrintableString: "PrintableString", asn1.TagBMPString: "BMPString"}
	if name := names[v.Tag]; name != "" && v.Class == asn1.ClassUniversal {
		return name
	}
	return fmt.Sprintf("[%d %d]", v.Class, v.Tag)
}
