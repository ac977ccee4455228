package report

import "strings"

const (
	openSpecs  = "https://learn.microsoft.com/openspecs/windows_protocols/"
	omaDM      = "https://www.openmobilealliance.org/release/DM/V1_2_1-20080617-A/"
	management = "https://learn.microsoft.com/windows/client-management/"
	wns        = "https://learn.microsoft.com/windows/apps/develop/notifications/push-notifications/"
)

// names are documents that are cited by name.
var names = map[string]string{
	"OMA DM Protocol 1.2.1":             omaDM + "OMA-TS-DM_Protocol-V1_2_1-20080617-A.pdf",
	"OMA DM RepPro 1.2.1":               omaDM + "OMA-TS-DM_RepPro-V1_2_1-20080617-A.pdf",
	"OMA DM Security 1.2.1":             omaDM + "OMA-TS-DM_Security-V1_2_1-20080617-A.pdf",
	"OMA DM Tree and Description 1.2.1": omaDM + "OMA-TS-DM_TND-V1_2_1-20080617-A.pdf",
	"OMA DM TND 1.2.1":                  omaDM + "OMA-TS-DM_TND-V1_2_1-20080617-A.pdf",
	"OMA SyncML HTTP binding":           "https://www.openmobilealliance.org/release/Common/V1_2_2-20090724-A/",
	"OMA DM HTTP Binding":               "https://www.openmobilealliance.org/release/Common/V1_2_2-20090724-A/",
	"OMA SyncML RepPro 1.2.2":           "https://www.openmobilealliance.org/release/Common/V1_2_2-20090724-A/OMA-TS-SyncML-RepPro-V1_2_2-20090724-A.pdf",
	"XML 1.0":                           "https://www.w3.org/TR/xml/",
	"Namespaces in XML 1.0":             "https://www.w3.org/TR/xml-names/",
	"Namespaces in XML":                 "https://www.w3.org/TR/xml-names/",
	"SOAP 1.2 part 1":                   "https://www.w3.org/TR/soap12-part1/",
	"SOAP 1.2 part 2":                   "https://www.w3.org/TR/soap12-part2/",
	"WS-Addressing 1.0 Core":            "https://www.w3.org/TR/ws-addr-core/",
	"WS-Addressing 1.0 SOAP binding":    "https://www.w3.org/TR/ws-addr-soap/",
	"WS-Security 1.1":                   "https://docs.oasis-open.org/wss/v1.1/wss-v1.1-spec-os-SOAPMessageSecurity.pdf",
	"WHATWG URL":                        "https://url.spec.whatwg.org/#application/x-www-form-urlencoded",
	"CA/Browser Forum BR":               "https://cabforum.org/working-groups/server/baseline-requirements/documents/",
	"NIST SP 800-131A":                  "https://csrc.nist.gov/pubs/sp/800/131/a/r2/final",
	"Correlation Vector 2.1":            "https://github.com/microsoft/CorrelationVector",
}

// pages are pages of Microsoft Learn by their titles. Pages about a CSP follow a rule.
var pages = map[string]string{
	"Access token claims reference":                          "https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference",
	"Certificate authentication device enrollment":           management + "certificate-authentication-device-enrollment",
	"Certificate renewal":                                    management + "certificate-renewal-windows-mdm",
	"Declared configuration discovery":                       management + "declared-configuration-discovery",
	"Declared configuration enrollment":                      management + "declared-configuration-enrollment",
	"Disconnecting from MDM":                                 management + "disconnecting-from-mdm-unenrollment",
	"Enterprise app management":                              management + "enterprise-app-management",
	"Federated authentication device enrollment":             management + "federated-authentication-device-enrollment",
	"Microsoft Entra integration with MDM":                   management + "azure-active-directory-integration-with-mdm",
	"Mobile device enrollment":                               management + "mobile-device-enrollment",
	"OMA DM protocol support":                                management + "oma-dm-protocol-support",
	"On-premises authentication device enrollment":           management + "on-premise-authentication-device-enrollment",
	"Package identity overview":                              "https://learn.microsoft.com/windows/apps/desktop/modernize/package-identity-overview",
	"Push notification service request and response headers": wns + "push-request-response-headers",
	"Push notification support for device management":        management + "push-notification-windows-mdm",
	"Understanding ADMX-backed policies":                     management + "understanding-admx-backed-policies",
	"WNS overview":                                           wns + "wns-overview",
	"Windows Push Notification Services overview":            wns + "wns-overview",
	"Windows declared configuration protocol":                management + "declared-configuration",
}

// learn is the address of a page of Microsoft Learn.
func learn(title string) string {
	if name, ok := strings.CutSuffix(title, " CSP"); ok {
		return management + "mdm/" + strings.ToLower(strings.ReplaceAll(name, " ", "-")) + "-csp"
	}
	return pages[title]
}

// sections are addresses of Microsoft's open specifications. They have no rule; the
// key without a section is the first page of the document.
var sections = map[string]string{
	"MS-MDM":               "33769a92-ac31-47ef-ae7b-dc8501f7104f",
	"MS-MDM 2.2.3.7":       "536a0713-cdac-4052-a2fe-e8789c26d480",
	"MS-MDM 2.2.6.1":       "36b1a4d9-fd93-48ce-b865-6a9d396c52a4",
	"MS-MDM 2.2.7.2":       "72c6ea01-121c-48f9-85da-a26bb12aad51",
	"MS-MDM 3.2.5.1.5":     "83f89457-9f9d-442d-8bdb-e6a41cdb906b",
	"MS-MDM 4":             "71a45e87-4c0a-43bc-b76f-b427ac8322be",
	"MS-MDE2":              "4d7eadd5-3951-4f1c-8159-c39e07cbe692",
	"MS-MDE2 2.2.9.1":      "35e1aca6-1b8a-48ba-bbc0-23af5d46907a",
	"MS-MDE2 2.2.9.3":      "f7553554-b6e1-4a0d-abd6-6a2534503af7",
	"MS-MDE2 2.2.10":       "0a78f419-5fd7-4ddb-bc76-1c0f7e11da23",
	"MS-MDE2 3.1":          "2681fd76-1997-4557-8963-cf656ab8d887",
	"MS-MDE2 3.1.4.1":      "a54a8fbe-f99f-4e8d-83bf-4a7b3c495372",
	"MS-MDE2 3.1.4.1.1.1":  "a1f32da8-4cd7-4262-9a05-60af42192975",
	"MS-MDE2 3.1.4.1.3.1":  "36e33def-59ab-484f-b0bc-701496346925",
	"MS-MDE2 3.1.4.1.3.2":  "aa198049-e691-41f9-a45a-b973b9089be7",
	"MS-MDE2 3.2":          "27ed8c2c-0140-41ce-b2fa-c3d1a793ab4a",
	"MS-MDE2 3.3":          "8a5efdf8-64a9-44fd-ab63-071a26c9f2dc",
	"MS-MDE2 3.3.4.1.1.2":  "6e74dcdb-c3d9-4044-af10-536224904e72",
	"MS-MDE2 3.4":          "5b02c625-ced2-4a01-a8e1-da0ae84f5bb7",
	"MS-MDE2 3.4.4.1.1.1":  "6ba9c509-8bce-4899-85b2-8c3d41f8f845",
	"MS-MDE2 3.4.4.1.1.2":  "3452fe7d-2441-49f7-8801-c056b58edb6a",
	"MS-MDE":               "d9e18701-cd4c-4fdb-8a3e-c1ddd33b1307",
	"MS-MDE 3.6":           "911a4920-f79e-4194-a8ac-4bcd2134ab49",
	"MS-XCEP":              "08ec4475-32c2-457d-8c27-5a176660a210",
	"MS-XCEP 3.1.4.1.2.2":  "a20aff6f-9a3f-4fbe-bdbb-70763a50b1f2",
	"MS-XCEP 3.1.4.1.3.1":  "cd22d3a0-f469-4a44-95ed-d10ce4dc2063",
	"MS-XCEP 3.1.4.1.3.16": "161aab9f-d159-4df3-85c9-f732ed2a8445",
	"MS-WSTEP":             "4766a85d-0d18-4fa1-a51f-e5cb98b752ea",
	"MS-WSTEP 3.1.4.1":     "a2228f2c-6d66-4e1c-bb76-7143f4a1c17a",
	"MS-WSTEP 3.1.4.2.1.1": "7b30ac73-8df4-4057-94f8-4d291ce3e722",
}

// openSpec is the address of a section, of the nearest section above it that is known,
// or of the document.
func openSpec(doc, section string) string {
	for key := doc + " " + section; ; {
		key = strings.TrimSuffix(key, " ")
		if id := sections[key]; id != "" {
			return openSpecs + strings.ToLower(doc) + "/" + id
		}
		if i := strings.LastIndexByte(key, '.'); i >= 0 {
			key = key[:i]
		} else {
			key = doc
		}
	}
}
