package redact

import (
	"encoding/base64"
	"strings"
	"testing"
)

const (
	documentTag = `<BinarySecurityToken ValueType="http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentProvisionDoc" EncodingType="x">`
	requestTag  = `<wsse:BinarySecurityToken ValueType="http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS10">`
	tokenTag    = `<wsse:BinarySecurityToken ValueType="http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentUserToken">`
)

// document is a provisioning document with every secret that one may hold.
const document = `<wap-provisioningdoc version="1.1"><characteristic type="APPLICATION"><parm name="PROVIDER-ID" value="MDM"/><characteristic type="APPAUTH">` +
	`<parm name="AAUTHNAME" value="seen"/><parm name="AAUTHSECRET" value="hunter2"/><parm name="AAUTHDATA" value="hunter2"/></characteristic></characteristic>` +
	`<characteristic type="SCEP"><parm name="Challenge" value="hunter2"/></characteristic><parm name="PFXCertPassword" value="hunter2"/><parm name="WlanXml" value="hunter2"/>` +
	`<parm name="PrivateKeyContainer" value="ConfigMgrEnrollment"/></wap-provisioningdoc>`

// TestRedactDocument: of a provisioning document only the secrets are hidden, and a
// report shows it as text.
func TestRedactDocument(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	want := strings.ReplaceAll(document, "hunter2", "[redacted]")
	in := documentTag + encode(document) + "</BinarySecurityToken>"
	out := Text(in)
	if out != documentTag+encode(want)+"</BinarySecurityToken>" {
		t.Errorf("%s", out)
	}
	if again := Text(out); again != out {
		t.Errorf("hidden once more it is %s", again)
	}
	shown := Documents(Text(in))
	if shown != documentTag+decoded+"\n"+want+"</BinarySecurityToken>" {
		t.Errorf("%s", shown)
	}
	if again := Documents(Text(shown)); again != shown {
		t.Errorf("shown again it is %s", again)
	}
	if escaped := strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(in); strings.Contains(Text(escaped), encode(document)) {
		t.Error("an escaped document keeps its secrets")
	}
	// A public certificate request stays.
	request := requestTag + "MAMCAQE=</wsse:BinarySecurityToken>"
	if got := Text(request); got != request {
		t.Errorf("%s", got)
	}
}

// TestRedactTokens: what looks like a document, and is none, stays a secret.
func TestRedactTokens(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	nested := documentTag + encode("<wap-provisioningdoc>"+documentTag+encode("<x>hunter2</x>")+"</BinarySecurityToken></wap-provisioningdoc>") + "</BinarySecurityToken>"
	for name, in := range map[string]string{
		"a user's token":          tokenTag + encode("<x>hunter2</x>") + "</wsse:BinarySecurityToken>",
		"no XML":                  documentTag + encode("hunter2") + "</BinarySecurityToken>",
		"no base64":               documentTag + "hunter2!</BinarySecurityToken>",
		"cut":                     documentTag + encode("<x>hunter2</x>")[:15],
		"a request that is none":  requestTag + encode("hunter2 and more") + "</wsse:BinarySecurityToken>",
		"a request with a rider":  requestTag + encode("\x30\x03\x02\x01\x01hunter2") + "</wsse:BinarySecurityToken>",
		"a document in UTF-16":    documentTag + encode("\xff\xfe<\x00h\x00u\x00n\x00t\x00e\x00r\x002\x00") + "</BinarySecurityToken>",
		"a document in another":   nested,
		"another form of a token": strings.ReplaceAll(tokenTag, "wsse:", "") + "hunter2</BinarySecurityToken>",
	} {
		for what, out := range map[string]string{"Text": Text(in), "Documents": Documents(Text(in))} {
			if strings.Contains(out, "hunter2") || strings.Contains(out, encode("<x>hunter2</x>")[:15]) || strings.Contains(out, encode("hunter2")) || strings.Contains(out, encode("hunter2 and more")) {
				t.Errorf("%s, %s: %s", name, what, out)
			}
		}
	}
}
