package mutants

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of GetPolicies: what its reply says, and which requests it takes.
var (
	EnrPolicyDangling = &Mutant{"enr-policy-dangling", "refers to an OID of the policy that it does not list", func(t *tamper) {
		hook.Respell(t, `(<policyOIDReference>)[^<]*`, "${1}5")
	}}
	EnrAlgorithmDangling = &Mutant{"enr-algorithm-dangling", "refers to a key algorithm that it does not list", func(t *tamper) {
		hook.Respell(t, `<algorithmOIDReference xsi:nil="true"/>`, "<algorithmOIDReference>5</algorithmOIDReference>")
	}}
	EnrIssuerDangling = &Mutant{"enr-issuer-dangling", "refers to a CA that it does not list", func(t *tamper) {
		hook.Respell(t, `(</policyOIDReference>)<cAs xsi:nil="true"/>`, "${1}<cAs><cAReference>0</cAReference></cAs>")
	}}
	EnrOIDTwice = &Mutant{"enr-oid-twice", "gives two OIDs one id", func(t *tamper) {
		moreOIDs(t, "<value>1.2.840.113549.1.1.1</value><group>3</group><oIDReferenceID>0</oIDReferenceID><defaultName>szOID_RSA_RSA</defaultName>")
	}}
	EnrOIDGroup = &Mutant{"enr-oid-group", "lists an OID of a group that does not exist", func(t *tamper) {
		moreOIDs(t, "<value>1.2.840.113549.1.1.1</value><group>12</group><oIDReferenceID>1</oIDReferenceID><defaultName>szOID_RSA_RSA</defaultName>")
	}}
	EnrOIDLoose = &Mutant{"enr-oid-loose", "lists the parts of an OID without an element around them", func(t *tamper) {
		hook.Respell(t, `</oIDs>`, "<value>1.2.840.113549.1.1.1</value><group>3</group><oIDReferenceID>1</oIDReferenceID><defaultName>szOID_RSA_RSA</defaultName></oIDs>")
	}}
	EnrOIDNameless = &Mutant{"enr-oid-nameless", "leaves out the names of OIDs", func(t *tamper) {
		hook.Respell(t, `<defaultName>[^<]*</defaultName>`, "")
	}}
	EnrIssuerBare = &Mutant{"enr-issuer-bare", "lists a CA without its certificate", func(t *tamper) {
		issuer(t, `<certificate></certificate>`, "4")
	}}
	EnrIssuerAuth = &Mutant{"enr-issuer-auth", "lists a CA with a kind of authentication that does not exist", func(t *tamper) {
		issuer(t, `<certificate>MIIB</certificate>`, "3")
	}}
	EnrKeyLengthZero = &Mutant{"enr-key-length-zero", "asks for keys of 0 bits", func(t *tamper) {
		hook.Respell(t, `(<minimalKeyLength>)[^<]*`, "${1}0")
	}}
	EnrValidityZero = &Mutant{"enr-validity-zero", "promises certificates that are valid for no time", func(t *tamper) {
		hook.Respell(t, `(<validityPeriodSeconds>)[^<]*`, "${1}0")
	}}
	EnrRevisionZero = &Mutant{"enr-revision-zero", "writes majorRevision 0", func(t *tamper) {
		hook.Respell(t, `(<majorRevision>)[^<]*`, "${1}0")
	}}
	EnrNextUpdateZero = &Mutant{"enr-next-update-zero", "lets devices ask for policies every 0 hours", func(t *tamper) {
		hook.Respell(t, `<nextUpdateHours [^>]*>`, "<nextUpdateHours>0</nextUpdateHours>")
	}}
	EnrProvidersEmpty = &Mutant{"enr-providers-empty", "writes an empty list of cryptographic providers", func(t *tamper) {
		hook.Respell(t, `<cryptoProviders [^>]*>`, "<cryptoProviders></cryptoProviders>")
	}}
	EnrProviderLoose = &Mutant{"enr-provider-loose", "lists a cryptographic provider without cryptoProviders around it", func(t *tamper) {
		hook.Respell(t, `<cryptoProviders [^>]*>`, "<provider>Microsoft Software Key Storage Provider</provider>")
	}}
	EnrPermissionsChild = &Mutant{"enr-permissions-child", "writes an element into permissions, which is text", func(t *tamper) {
		hook.Respell(t, `<permissions [^>]*>`, "<permissions><allowedKeyUsage>1</allowedKeyUsage></permissions>")
	}}
	EnrNilContent = &Mutant{"enr-nil-content", "gives a value to an element that is nil", func(t *tamper) {
		hook.Respell(t, `<keySpec xsi:nil="true"/>`, `<keySpec xsi:nil="true">1</keySpec>`)
	}}
	EnrIssuersEmpty = &Mutant{"enr-issuers-empty", "writes an empty list of CAs", func(t *tamper) {
		hook.Respell(t, `<cAs xsi:nil="true"/>(<oIDs>)`, "<cAs></cAs>${1}")
	}}
	EnrNamesSame = &Mutant{"enr-names-same", "gives two policies one commonName", func(t *tamper) {
		hook.Respell(t, `<policy>.*</policy>`, "${0}${0}")
	}}
	EnrNoAttributes = &Mutant{"enr-no-attributes", "lists a policy without attributes", func(t *tamper) {
		hook.Respell(t, `</policies>`, `<policy><policyOIDReference>0</policyOIDReference><cAs xsi:nil="true"/></policy></policies>`)
	}}
	EnrFlagsNegative = &Mutant{"enr-flags-negative", "writes negative flags", func(t *tamper) {
		hook.Respell(t, `<generalFlags [^>]*>`, "<generalFlags>-1</generalFlags>")
	}}
	EnrAttestationWord = &Mutant{"enr-attestation-word", "asks for attestation with a behavior that does not exist", func(t *tamper) {
		hook.Respell(t, `(<EnrollmentVersion>)[^<]*`, "${1}5.0")
		attestation(t, "PanicOnError")
	}}
	EnrAttestationEarly = &Mutant{"enr-attestation-early", "asks for attestation in a version that has none", func(t *tamper) {
		attestation(t, "IgnoreOnError")
	}}
	EnrPolicyNamespace = &Mutant{"enr-policy-namespace", "answers GetPolicies in a namespace of its own", func(t *tamper) {
		hook.Respell(t, `(<GetPoliciesResponse xmlns=")[^"]*`, "${1}http://tempuri.org/")
	}}
	EnrPolicyOrder = &Mutant{"enr-policy-order", "writes the OIDs before the policies", func(t *tamper) {
		hook.SOAP(t, func(_ *hook.Exchange, doc *etree.Document) {
			if g := doc.FindElement("/Envelope/Body/GetPoliciesResponse"); g != nil && g.SelectElement("oIDs") != nil {
				g.InsertChildAt(0, g.SelectElement("oIDs"))
			}
		})
	}}
	EnrHashGroup = &Mutant{"enr-hash-group", "lists the hash algorithm among the algorithms to sign", func(t *tamper) {
		hook.Respell(t, `<group>1<`, "<group>4<")
	}}
	EnrEnrollFalse = &Mutant{"enr-enroll-false", "lets nobody enroll, by its policy", func(t *tamper) {
		hook.Respell(t, `<enroll>true<`, "<enroll>false<")
	}}
	EnrClientOptional = &Mutant{"enr-client-optional", "answers a GetPolicies without client", func(t *tamper) {
		client := regexp.MustCompile(`<client>.*</client>|<client[^>]*/>`)
		hook.Rewrite(t, mdmserver.PolicyPath, func(body []byte) []byte {
			if bytes.Contains(body, []byte("SignatureValue")) {
				return body // a changed one would be refused
			}
			if client.Match(body) {
				return client.ReplaceAll(body, []byte("<client><lastUpdate/></client>"))
			}
			return bytes.Replace(body, []byte("<requestFilter"), []byte("<client><lastUpdate/></client><requestFilter"), 1)
		})
	}}
	EnrFilterIgnored = &Mutant{"enr-filter-ignored", "answers a limited GetPolicies with all policies", func(t *tamper) {
		filter := regexp.MustCompile(`<requestFilter>.*</requestFilter>`)
		hook.Rewrite(t, mdmserver.PolicyPath, func(body []byte) []byte { return filter.ReplaceAll(body, nil) })
	}}
	EnrLanguageUnknown = &Mutant{"enr-language-unknown", "refuses a language that it does not have", func(t *tamper) {
		hook.Before(t, mdmserver.PolicyPath, func(x *hook.Exchange) int {
			if strings.Contains(string(x.In), ">tlh</preferredLanguage>") {
				return http.StatusNotAcceptable
			}
			return 0
		})
	}}
	EnrFilterFirst = &Mutant{"enr-filter-first", "looks at the first of the OIDs that limit a GetPolicies", func(t *tamper) {
		more := regexp.MustCompile(`(<oid>[^<]*</oid>)(?:<oid>[^<]*</oid>)+`)
		hook.Rewrite(t, mdmserver.PolicyPath, func(body []byte) []byte { return more.ReplaceAll(body, []byte("$1")) })
	}}
	EnrPoliciesOnce = &Mutant{"enr-policies-once", "answers GetPolicies once, and then says that nothing changed", func(t *tamper) {
		policies := regexp.MustCompile(`<policies>.*</policies>`)
		var asked atomic.Bool
		hook.After(t, http.MethodPost, mdmserver.PolicyPath, func(x *hook.Exchange) {
			if policies.Match(x.Reply) && asked.Swap(true) {
				x.Replace(`<policiesNotChanged xsi:nil="true"/>`, "<policiesNotChanged>true</policiesNotChanged>")
				x.Reply = policies.ReplaceAll(x.Reply, []byte(`<policies xsi:nil="true"/>`))
			}
		})
	}}
	EnrAttestationUnversioned = &Mutant{"enr-attestation-unversioned", "asks for attestation and names no EnrollmentVersion", func(t *tamper) {
		hook.Respell(t, `<EnrollmentVersion>[^<]*</EnrollmentVersion>`, "")
		attestation(t, "IgnoreOnError")
	}}
)

var policies = []*Mutant{
	EnrPolicyDangling, EnrAlgorithmDangling, EnrIssuerDangling, EnrOIDTwice, EnrOIDGroup, EnrOIDLoose, EnrOIDNameless, EnrIssuerBare, EnrIssuerAuth,
	EnrKeyLengthZero, EnrValidityZero, EnrRevisionZero, EnrNextUpdateZero, EnrProvidersEmpty, EnrProviderLoose, EnrPermissionsChild, EnrNilContent, EnrIssuersEmpty, EnrNamesSame, EnrNoAttributes, EnrFlagsNegative,
	EnrAttestationWord, EnrAttestationEarly, EnrPolicyNamespace, EnrPolicyOrder, EnrHashGroup, EnrEnrollFalse, EnrClientOptional, EnrFilterIgnored, EnrLanguageUnknown,
	EnrFilterFirst, EnrPoliciesOnce, EnrAttestationUnversioned,
}

// moreOIDs adds an OID to the policy reply.
func moreOIDs(t *tamper, oid string) { hook.Respell(t, `</oIDs>`, "<oID>"+oid+"</oID></oIDs>") }

// issuer adds a CA to the policy reply.
func issuer(t *tamper, certificate, authentication string) {
	hook.Respell(t, `<cAs xsi:nil="true"/>(<oIDs>)`, `<cAs><cA><uris><cAURI><clientAuthentication>`+authentication+`</clientAuthentication><uri>https://ca.example/</uri>`+
		`<priority>1</priority><renewalOnly>false</renewalOnly></cAURI></uris>`+certificate+`<enrollPermission>true</enrollPermission><cAReferenceID>0</cAReferenceID></cA></cAs>${1}`)
}

// attestation adds what to do where a device cannot attest.
func attestation(t *tamper, behavior string) {
	hook.Respell(t, `</attributes>`, `<AttestationFailureBehavior>`+behavior+`</AttestationFailureBehavior><OperationTimeout>30</OperationTimeout></attributes>`)
}
