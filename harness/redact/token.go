package redact

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// hideToken hides the content of a BinarySecurityToken that is a secret. The same
// element carries a certificate request, which is public, and the provisioning document,
// in which only the secrets are hidden.
func hideToken(tag, content string) string {
	if strings.Contains(tag, documentType) && strings.HasPrefix(strings.TrimSpace(content), "<") {
		return content // decoded before, see Documents; other rules hide its secrets
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), ""))
	switch {
	case err != nil || len(raw) == 0:
	case strings.Contains(tag, "enrollment#PKCS10"), strings.Contains(tag, "#PKCS7"):
		var v asn1.RawValue
		if rest, err := asn1.Unmarshal(raw, &v); err == nil && len(rest) == 0 && v.Tag == asn1.TagSequence {
			return content
		}
	case strings.Contains(tag, documentType):
		if !utf8.Valid(raw) || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("<")) {
			break
		}
		// A document has no token. Tokens in it are not decoded, however deep they are.
		if shown := redactWith(string(raw), func(_, content string) string { return hideAll(content) }); shown != string(raw) {
			return base64.StdEncoding.EncodeToString([]byte(shown))
		}
		return content
	}
	return hideAll(content)
}

// documentType is in the ValueType of a provisioning document.
const documentType = "DeviceEnrollmentProvisionDoc"

// decoded stands before a provisioning document that is shown as text.
const decoded = "<!-- base64 in the message, shown decoded -->"

// Documents shows the provisioning documents in a message as text, for people. Their
// secrets are hidden already.
func Documents(s string) string {
	if !strings.Contains(s, documentType) {
		return s
	}
	return withinTag(s, tokenElement, shortest, func(tag, content string) string {
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), ""))
		if !strings.Contains(tag, documentType) || err != nil || len(raw) == 0 || !utf8.Valid(raw) {
			return content
		}
		return decoded + "\n" + string(raw)
	})
}
