package scenarios

import (
	"strings"

	"github.com/beevik/etree"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// tokenReplies are the ENR scenarios about the reply to RST around the
// provisioning document.
var tokenReplies = []Scenario{
	{
		ID: "ENR-53", Level: report.Must, Title: "RST is answered with one response of a device's token",
		Rule:    "The Body of the reply has a RequestSecurityTokenResponseCollection with one RequestSecurityTokenResponse, whose TokenType is DeviceEnrollmentToken.",
		Source:  "MS-MDE2 3.4.4.1.1.2; MS-WSTEP 3.1.4.1.3.5",
		Fix:     "Send one RequestSecurityTokenResponse, with the TokenType of the request.",
		Mutants: []*mutants.Mutant{mutants.EnrRSTRTwice, mutants.EnrTokenType},
		Run: func(t *T) {
			c := collectionOf(t.Specimen())
			list := c.SelectElements("RequestSecurityTokenResponse")
			t.Try("RequestSecurityTokenResponse", func() {
				t.Expect(len(list), "RequestSecurityTokenResponse elements in the collection").To(Equal(1))
			})
			t.Try("TokenType", func() {
				kind := list[0].SelectElement("TokenType")
				t.Check(kind != nil, "TokenType "+enrollmentToken, "no TokenType")
				t.Expect(strings.TrimSpace(kind.Text()), "TokenType").To(Equal(enrollmentToken))
			})
		},
	},
	{
		ID: "ENR-54", Level: report.Should, Title: "the reply to RST says what its token is",
		Rule:    "BinarySecurityToken in the reply has the ValueType DeviceEnrollmentProvisionDoc and the EncodingType base64binary. The elements around it are in the namespaces of WS-Trust and WS-Security. (Learn has the ValueType with and without 5.0.0.0; both pass.)",
		Source:  "MS-MDE2 2.2.1, 3.4.4.1.1.2; Learn, \"Federated authentication device enrollment\"",
		Fix:     "Write the reply as the example of MS-MDE2 4.3.2 does, with its namespaces and both attributes.",
		Mutants: []*mutants.Mutant{mutants.EnrValueType, mutants.EnrEncodingType, mutants.EnrTrustNamespace, mutants.EnrTokenTypeBare},
		Run:     tokenSaysWhatItIs,
	},
}

const (
	ofConfigMgr     = "/ConfigurationManager/Enrollment/"
	enrollmentToken = "http://schemas.microsoft.com/5.0.0.0" + ofConfigMgr + "DeviceEnrollmentToken"
	provisionDoc    = "http://schemas.microsoft.com/5.0.0.0" + ofConfigMgr + "DeviceEnrollmentProvisionDoc"
	trust13         = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
	wsSecurity      = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	soap12          = "http://www.w3.org/2003/05/soap-envelope"
	soap11          = "http://schemas.xmlsoap.org/soap/envelope/"
)

func tokenSaysWhatItIs(t *T) {
	c := collectionOf(t.Specimen())
	t.Try("RequestSecurityTokenResponseCollection", func() {
		response := c.SelectElement("RequestSecurityTokenResponse")
		list := append([]*etree.Element{c, response}, response.SelectElements("TokenType")...)
		for _, e := range append(list, response.SelectElements("RequestedSecurityToken")...) {
			t.Expect(e.NamespaceURI(), "namespace of %s", e.Tag).To(Equal(trust13))
		}
	})
	t.Try("BinarySecurityToken", func() {
		token := c.FindElement("./RequestSecurityTokenResponse/RequestedSecurityToken/BinarySecurityToken")
		if token == nil {
			t.Blocked(suite.By("ENR-11"), "there is no BinarySecurityToken in RequestedSecurityToken")
		}
		t.Expect(token.NamespaceURI(), "its namespace").To(Equal(wsSecurity))
		value := strings.TrimSpace(attribute(token, "ValueType"))
		t.Check(value == provisionDoc || value == strings.Replace(provisionDoc, "5.0.0.0/", "", 1), "ValueType "+provisionDoc, suite.Show(value))
		// Microsoft's own documents spell it base64binary; WS-Security Base64Binary.
		encoding := strings.TrimSpace(attribute(token, "EncodingType"))
		t.Check(strings.HasSuffix(strings.ToLower(encoding), "#base64binary"), "EncodingType "+wsSecurity+"#base64binary", suite.Show(encoding))
	})
}

// attribute returns an attribute of that name, with any prefix.
func attribute(e *etree.Element, name string) string {
	for _, a := range e.Attr {
		if a.Key == name {
			return a.Value
		}
	}
	return ""
}

// collectionOf returns the RequestSecurityTokenResponseCollection in the reply to
// RST, which has a response.
func collectionOf(d *Device) *etree.Element {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(exchangeOf(d, enroll.StepToken).Response); err != nil {
		d.T.Blocked(suite.By("ENR-11"), "the RST reply cannot be read: %v", err)
	}
	c := doc.FindElement("/Envelope/Body/RequestSecurityTokenResponseCollection")
	if c == nil || c.SelectElement("RequestSecurityTokenResponse") == nil {
		d.T.Blocked(suite.By("ENR-11"), "the RST reply has no RequestSecurityTokenResponse in a collection")
	}
	return c
}
