package facts

// enrollmentMessages are the rules for RST, its reply, and SOAP faults.
func enrollmentMessages() RequirementGroup {
	return RequirementGroup{"Enrollment (RST, RSTR, SOAP)", []Requirement{
		{Key: "E-01", Source: "MS-WSTEP 2.1; MS-MDE2 2.1", Level: "MUST*", Says: "the messages are SOAP envelopes, over HTTPS", Scenarios: []string{"ENR-90"},
			Reason: "MS-WSTEP says SOAP 1.2, MS-MDE2 2.1 and its samples of the reply 1.1; both pass"},
		{Key: "E-02", Source: "MS-MDE2 3.4.4.1.1.2; Learn, \"Federated authentication device enrollment\"", Level: "MUST", Says: "the reply has the Action RSTRC/wstep, the request's MessageID in RelatesTo, and is not chunked", Scenarios: []string{"ENR-27", "ENR-03", "ENR-02", "ENR-90"}},
		{Key: "E-03", Source: "MS-WSTEP 3.1.4.1.3.5; MS-MDE2 3.4.4.1.1.2", Level: "MUST", Says: "the Body has one collection with one response", Scenarios: []string{"ENR-53"}},
		{Key: "E-04", Source: "MS-MDE2 3.4.4.1.1.2", Level: "MUST", Says: "TokenType is DeviceEnrollmentToken", Scenarios: []string{"ENR-53"}},
		{Key: "E-05", Source: "MS-MDE2 3.4.4.1.1.2", Level: "MUST", Says: "the ValueType of the token is DeviceEnrollmentProvisionDoc", Scenarios: []string{"ENR-54"},
			Reason: "Learn's text leaves 5.0.0.0 out of the name; both pass"},
		{Key: "E-06", Source: "MS-MDE2 2.2.1, 3.4.4.1.1.2", Level: "MUST*", Says: "its EncodingType is base64binary, and the elements are in the namespaces of WS-Trust and WS-Security", Scenarios: []string{"ENR-54"}},
		{Key: "E-07", Source: "MS-MDE2 3.4.4.1.1.2, 2.2.9.1", Level: "MUST", Says: "the token stands in RequestedSecurityToken and is the provisioning document in base64", Scenarios: []string{"ENR-11"}},
		{Key: "E-08", Source: "MS-MDE2 4.3.2; WS-Security 1.1 section 10", Level: "SHOULD*", Says: "a timestamp is of the time of the reply, and Expires is later", Scenarios: []string{"ENR-26"}},
		{Key: "E-09", Source: "MS-MDE2 3.4; MS-WSTEP 3.1.1.1.4", Level: "MUST", Says: "an RST without a credential, or with a wrong one, gets no certificate", Scenarios: []string{"ENR-29", "ENR-18"}},
		{Key: "E-10", Source: "MS-WSTEP 3.1.4.2", Level: "MUST", Says: "such an RST is answered with a SOAP fault", Scenarios: []string{"ENR-18"}},
		{Key: "E-11", Source: "MS-WSTEP 3.1.4.1.2.7, 3.1.4.2.1", Level: "MUST", Says: "an absent or unknown RequestType is answered with a fault", Scenarios: []string{"ENR-55"}},
		{Key: "E-12", Source: "MS-WSTEP 3.1.4.2.1.1", Level: "MUST", Says: "an RST without a BinarySecurityToken is answered with a fault", Scenarios: []string{"ENR-55"}},
		{Key: "E-13", Source: "MS-WSTEP 3.1.4.2.1.1", Level: "MUST", Says: "a CSR that the CA refuses is answered with a fault", Scenarios: []string{"ENR-55", "ENR-31"}},
		{Key: "E-14", Source: "MS-WSTEP 3.1.4.2.1.1; RFC 2986 section 3", Level: "MUST*", Says: "a CSR whose own signature is wrong gets no certificate, nor does a renewal that nobody signed, or two", Scenarios: []string{"ENR-56"}},
		{Key: "E-15", Source: "MS-WSTEP 3.1.4.2", Level: "SHOULD", Says: "an unknown Action is answered with a fault", Scenarios: []string{"ENR-57"}},
		{Key: "E-16", Source: "MS-WSTEP 3.1.4.1.3.3; MS-MDE2 3.4.4.1.1.1", Level: "SHOULD", Says: "elements and context items that the server does not know are ignored", Scenarios: []string{"ENR-58"}},
		{Key: "E-17", Source: "MS-MDE2 3.4.4.1.1.1", Level: "MUST*", Says: "context items come in any order, and MAC and IMEI more than once", Scenarios: []string{"ENR-58"}},
		{Key: "E-18", Source: "MS-MDE2 3.4.4.1.1.1", Level: "MUST*", Says: "the CSR as Windows encodes it is accepted, and one with SHA-256", Scenarios: []string{"ENR-09", "ENR-10"},
			Needed: "a device whose CSR is refused never enrolls, so no push reaches it"},
		{Key: "E-19", Source: "MS-MDE2 2.2.10; Learn, \"Mobile device enrollment\"", Level: "MUST*", Says: "the Subcode of a fault is one of the table, with its prefix, and fits the case", Scenarios: []string{"ENR-60"},
			Reason: "upper and lower case, SOAP 1.1 and 1.2, all pass; what fits is judged for wrong credentials and bad CSRs only"},
		{Key: "E-20", Source: "MS-MDE2 2.2.10", Level: "MUST*", Says: "ErrorType in the detail of a fault, if present, is one of the table", Scenarios: []string{"ENR-60"}},
		{Key: "E-21", Source: "MS-MDE2 2.2.10; Learn, \"Mobile device enrollment\"", Level: "SHOULD", Says: "TraceId identifies the attempt; a fault has Action and RelatesTo", Scenarios: []string{"ENR-61"}},
		{Key: "E-22", Source: "SOAP 1.2 part 2, section 7.5.2.2", Level: "SHOULD*", Says: "a fault travels with HTTP 400 or 500, not with 200", Scenarios: []string{"ENR-59"}},
		{Key: "E-23", Source: "MS-WSTEP 3.1.4.1.3.7", Level: "MUST", Says: "CertificateEnrollmentWSDetail, if present, has InvalidRequest true where the CA refused, and nil for unknown values", Scenarios: []string{"ENR-61"}},
		{Key: "E-24", Source: "MS-MDE2 3.3.4.1.1.1.2, 3.4.4.1.1.1.2", Level: "MUST", Says: "with AuthPolicy Certificate, the XML signature over the requests is verified, and their timestamp", Scenarios: []string{"ENR-68", "ENR-69"},
			Reason: "of GetPolicies nothing is asked: Learn's example has no signature there. How old an RST may be is not said; a day is too old"},
		{Key: "E-25", Source: "MS-MDE2 1.5; Learn, \"Certificate authentication device enrollment\"", Level: "MUST*", Says: "with AuthPolicy Certificate, only certificates that the server trusts enroll devices", Scenarios: []string{"ENR-68"}},
		{Key: "E-26", Source: "Learn, \"Microsoft Entra integration with MDM\"; MS-MDE2 2.2.9.1", Level: "MUST*", Says: "EnrollmentType Full gets its certificate in My/User, Device in My/System", Scenarios: []string{"ENR-62"}},
		{Key: "E-27", Source: "Learn, \"Federated authentication device enrollment\"", Level: "SHOULD*", Says: "key length and hash of the policy are enforced", Scenarios: []string{"ENR-31"},
			Reason: "key length only: Windows 10 signs its CSR with SHA-1, whatever hash the policy names"},
		{Key: "E-28", Source: "MS-MDE2 3.6", Level: "MUST*", Says: "a server that sets AllowRecovery or executes InitiateRecovery answers RequestType Recovery", Reason: "a recovery proves the key in the TPM; no simulated device has one"},
		{Key: "E-29", Source: "MS-MDE2 3.4.4.1.1.1; CWE-79, CWE-89", Level: "MUST*", Says: "DeviceName is any text, and not unique", Scenarios: []string{"SEC-10", "ENR-92"},
			Needed: "a device whose name the server cannot take does not enroll, so no push reaches it"},
		{Key: "E-30", Source: "MS-MDE2 1.5; seen", Level: "SHOULD*", Says: "a device that enrolls again gets another certificate and a clean start", Scenarios: []string{"ENR-20"},
			Needed: "a device that was reset enrolls under its old DeviceID; where that fails, no push reaches it again"},
	}}
}

// certificateRenewal are the rules for the renewal of a device's certificate.
func certificateRenewal() RequirementGroup {
	return RequirementGroup{"Renewal", []Requirement{
		{Key: "R-01", Source: "MS-MDE2 3.5.4.1.1.1; MS-MDE 3.5.4.1.1.1; Learn, \"Certificate renewal\"", Level: "MUST", Says: "an RST of type Renew with PKCS#7, over client TLS, is answered with a certificate that sessions accept", Scenarios: []string{"ENR-21", "PSH-11"},
			Reason: "of a server that sets ROBOSupport; undecided where the server forbids the renewal before its time, as R-05 asks; ENR-65 warns if it does not say NotEligibleToRenew"},
		{Key: "R-02", Source: "Learn, \"Certificate renewal\"", Level: "MUST*", Says: "the signature of the PKCS#7 is verified", Scenarios: []string{"ENR-64"}},
		{Key: "R-03", Source: "Learn, \"Certificate renewal\"", Level: "MUST*", Says: "the old certificate is one that this service issued", Scenarios: []string{"ENR-64"}},
		{Key: "R-04", Source: "Learn, \"Certificate renewal\"", Level: "MUST*", Says: "who renews is who enrolled", Scenarios: []string{"ENR-64"}},
		{Key: "R-05", Source: "Learn, \"Certificate renewal\"", Level: "MUST*", Says: "a renewal outside the renewal period is refused",
			Reason: "RenewNow lets a server ask for a renewal at any time, so one on the first day is no fault; nor is its refusal, see R-01"},
		{Key: "R-06", Source: "Learn, \"Certificate renewal\"", Level: "MUST*", Says: "a device that is blocked or left is not renewed", Scenarios: []string{"ENR-65"}},
		{Key: "R-07", Source: "MS-MDE2 2.2.10", Level: "SHOULD*", Says: "such refusals are faults with NotEligibleToRenew", Scenarios: []string{"ENR-65"}},
		{Key: "R-08", Source: "MS-MDE2 3.5.4.1.1.2; Learn, \"Certificate renewal\"", Level: "MUST*", Says: "the document has the new certificate under CertificateStore/My, for the key of the CSR", Scenarios: []string{"ENR-21"},
			Needed: "a device without a valid certificate holds no session, and no push path"},
		{Key: "R-09", Source: "Learn, \"Certificate renewal\"", Level: "MUST", Says: "the reply is not chunked and no redirect", Scenarios: []string{"ENR-66"}},
		{Key: "R-10", Source: "MS-MDE2 2.2.9.3; Learn, \"Certificate renewal\"", Level: "MUST", Says: "EntDMID is set before a renewal", Scenarios: []string{"ENR-67"},
			Reason: "a run ends long before the renewal period, so that EntDMID is missing after two sessions is a warning only"},
		{Key: "R-11", Source: "MS-MDE2 2.2.9.2", Level: "MUST", Says: "ROBOSupport, RenewalPeriod and RetryInterval stand in one Atomic if a session sets them", Scenarios: []string{"ENR-67"}},
		{Key: "R-12", Source: "Learn, \"Certificate renewal\"", Level: "MAY", Says: "a user renews with a password, and the PKCS#7 in base64 once more", Reason: "optional, and Windows 10 renews by ROBO only"},
		{Key: "R-13", Source: "Learn, \"DMClient CSP\", SignedEntDMID, CertRenewTimeStamp", Level: "MAY", Says: "the server may read both to make sure who renewed", Reason: "optional: a device sees that a server asks, not what it concludes"},
	}}
}
