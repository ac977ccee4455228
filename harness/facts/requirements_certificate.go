package facts

func certificateRequirements() RequirementGroup {
	return RequirementGroup{"Certificates issued", []Requirement{
		{Key: "C-01", Source: "RFC 5280 4.1.2.1, 4.1.2.8, 4.2", Level: "MUST", Says: "a certificate with extensions has version 3, none of them twice, and no unique identifiers", Scenarios: []string{"ENR-87", "ENR-89"},
			Reason: "unique identifiers are a SHOULD (ENR-89): certificates of Microsoft's own service have them (MS-MDE 3.6)"},
		{Key: "C-02", Source: "RFC 5280 4.1.2.2", Level: "MUST", Says: "an issuer uses a serial number once", Scenarios: []string{"ENR-24"}},
		{Key: "C-03", Source: "RFC 5280 4.1.2.2", Level: "MUST", Says: "a serial number is above 0 and has at most 20 bytes", Scenarios: []string{"ENR-89"}, Reason: "a SHOULD: those of Microsoft's own service are below 0 (MS-MDE 3.6)"},
		{Key: "C-04", Source: "RFC 5280 4.1.1.2", Level: "MUST", Says: "the algorithm of the signature is the same inside and outside", Scenarios: []string{"ENR-87"}},
		{Key: "C-05", Source: "RFC 5280 4.1.2.4, 6.1.3", Level: "MUST", Says: "the issuer is not empty, and is the subject of the CA that signed", Scenarios: []string{"ENR-12"}},
		{Key: "C-06", Source: "RFC 5280 4.1.2.5", Level: "MUST", Says: "all certificates of the document are valid at enrollment", Scenarios: []string{"ENR-25"}},
		{Key: "C-07", Source: "RFC 5280 4.1.2.5", Level: "MUST", Says: "dates until 2049 are UTCTime, later ones GeneralizedTime; both have seconds and Z", Scenarios: []string{"ENR-87"}},
		{Key: "C-08", Source: "RFC 5280 4.1.2.6, 4.2.1.6", Level: "MUST", Says: "there is a subject, or a critical subjectAltName; a CA has a subject", Scenarios: []string{"ENR-87", "ENR-12"}},
		{Key: "C-09", Source: "RFC 5280 4.2.1.1, 4.2.1.2", Level: "MUST", Says: "authorityKeyIdentifier is the CA's subjectKeyIdentifier; neither is critical", Scenarios: []string{"ENR-88"}, Reason: "a SHOULD: Microsoft's own service had neither (MS-MDE 3.6)"},
		{Key: "C-10", Source: "RFC 5280 4.2.1.2, 4.2.1.3, 4.2.1.9", Level: "MUST", Says: "a CA has subjectKeyIdentifier, keyUsage with keyCertSign, and a critical basicConstraints with cA", Scenarios: []string{"ENR-88"}, Reason: "a SHOULD: the root of Microsoft's own service had no extension (MS-MDE 3.6), and no document has a device refuse such a CA"},
		{Key: "C-11", Source: "RFC 5280 4.2.1.9", Level: "MUST*", Says: "a device is no CA: no cA, keyCertSign or path length, whatever its CSR asks for", Scenarios: []string{"ENR-89", "ENR-91"}},
		{Key: "C-12", Source: "RFC 5280 4.2.1.2, 4.2.1.3, 4.2.1.12", Level: "SHOULD", Says: "a device's certificate has subjectKeyIdentifier; keyUsage, if present, is critical and has digitalSignature", Scenarios: []string{"ENR-89"}},
		{Key: "C-13", Source: "RFC 5280 4.2.1.12; CA/Browser Forum BR 7.1.3", Level: "SHOULD*", Says: "a device's certificate is for clientAuth, signed with SHA-256 or better, for a key of 2048 bits", Scenarios: []string{"ENR-13"}},
		{Key: "C-14", Source: "RFC 5280 6.1", Level: "MUST", Says: "the path to a delivered root verifies", Scenarios: []string{"ENR-12"}},
		{Key: "C-15", Source: "MS-MDE2 2.2.9.1", Level: "MUST*", Says: "the certificate is for the key of the CSR", Scenarios: []string{"ENR-12"}, Needed: "the device has no other key to prove itself with"},
		{Key: "C-16", Source: "RFC 5280 4.1.2.4, 4.1.2.6", Level: "MUST", Says: "names are PrintableString or UTF8String; an e-mail address is in subjectAltName", Scenarios: []string{"ENR-87", "ENR-89"},
			Reason: "the types of strings are a SHOULD (ENR-89): older names may keep theirs; what stands in a PrintableString is not looked at: Windows itself writes \"!\" and NUL into it"},
		{Key: "C-17", Source: "RFC 5280 6.1.3", Level: "SHOULD*", Says: "a certificate ends before its CA", Scenarios: []string{"ENR-77"}},
		{Key: "C-18", Source: "MS-WSTEP 3.1.4.2.1.1; CWE-295", Level: "MUST*", Says: "the name in a certificate is that of who enrolled, whatever the CSR asks for", Scenarios: []string{"SEC-12"}, Needed: "one device would get the work that is pushed for another"},
		{Key: "C-19", Source: "Learn, Microsoft Entra integration with MDM", Level: "SHOULD*", Says: "the subject is the UPN for a user, the device's id for a device",
			Reason: "not checked: the table is about the CSR that Windows writes; servers may use ids of their own"},
		{Key: "C-20", Source: "MS-XCEP 3.1.4.1.3.8", Level: "SHOULD*", Says: "a certificate lives about as long as the policy says", Scenarios: []string{"ENR-77"}, Reason: "half to twice as long is accepted"},
		{Key: "C-21", Source: "RFC 5280 4.1.2.6", Level: "MUST", Says: "a CA gives two owners different subjects", Scenarios: []string{"ENR-78"},
			Reason: "a SHOULD: two devices of a run have one user, so that only a subject without device and user is seen"},
	}}
}
