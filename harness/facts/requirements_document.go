package facts

// Short names of sources that many rows have.
const (
	fed = "Learn, Federated authentication device enrollment"
	w7  = "Learn, w7 APPLICATION CSP"
	dmc = "Learn, DMClient CSP"
)

func documentRequirements() RequirementGroup {
	return RequirementGroup{"Provisioning document", []Requirement{
		{Key: "V-01", Source: "MS-MDE2 2.2.9.1", Level: "MUST*", Says: "the document is a well-formed wap-provisioningdoc of version 1.1",
			Scenarios: []string{"ENR-11", "ENR-72"}, Needed: "a device cannot enroll with a document that it cannot read (ENR-11); the version is ENR-72"},
		{Key: "V-02", Source: "MS-MDE2 2.2.9.1", Level: "MUST*", Says: "the client certificate is under My/User or My/System, its root under Root/System",
			Scenarios: []string{"ENR-12"}, Needed: "a device without its certificate has no sessions",
			Reason: "RootCATrustedCertificates/Root is accepted as well"},
		{Key: "V-03", Source: "MS-MDE2 2.2.9.1, 2.2.9.2; " + fed, Level: "MUST*", Says: "CAs between them that the path needs are delivered",
			Scenarios: []string{"ENR-12", "ENR-84"}, Reason: "CA/System in MS-MDE2, My/User in the text of Learn: both are accepted"},
		{Key: "V-04", Source: fed, Level: "SHOULD", Says: "there is at most one root and one intermediate CA", Scenarios: []string{"ENR-84"}},
		{Key: "V-05", Source: "MS-MDE2 2.2.9.2, CertHash", Level: "MUST*", Says: "the characteristic of a certificate is its SHA-1, in 40 hexadecimal digits", Scenarios: []string{"ENR-38"}},
		{Key: "V-06", Source: "MS-MDE2 2.2.9.2, EncodedCertificate", Level: "MUST", Says: "the base64 of a certificate is one line", Scenarios: []string{"ENR-70"}},
		{Key: "V-07", Source: "MS-MDE2 2.2.9.2", Level: "MUST*", Says: "case matters in the names of stores", Scenarios: []string{"ENR-72"}, Reason: "Learn, CertificateStore CSP, says that it does not"},
		{Key: "V-08", Source: fed + ", notes; MS-MDE2 2.2.9.1", Level: "MUST", Says: "there is a PrivateKeyContainer", Scenarios: []string{"ENR-73"}},
		{Key: "V-09", Source: fed + ", notes; MS-MDE2 2.2.9.5", Level: "MUST", Says: "w7 has APPID w7, PROVIDER-ID, NAME, and an https URL in ADDR",
			Scenarios: []string{"ENR-14", "ENR-76"}, Reason: "NAME is ENR-76: " + w7 + ", makes it optional"},
		{Key: "V-10", Source: w7 + "; MS-MDE2 2.2.9.5; " + fed, Level: "MUST", Says: "names of parameters and characteristics in w7 are upper case",
			Scenarios: []string{"ENR-71"}, Reason: "samples have further names in mixed case (CRLCheck), so that only documented names are judged"},
		{Key: "V-11", Source: w7 + "; MS-MDE2 2.2.9.5", Level: "MUST", Says: "w7 has both APPAUTHs, CLIENT and APPSRV", Scenarios: []string{"ENR-15"}},
		{Key: "V-12", Source: w7 + "; MS-MDE2 2.2.9.5", Level: "MUST", Says: "AAUTHTYPE of CLIENT is DIGEST, that of APPSRV is BASIC or DIGEST", Scenarios: []string{"ENR-74"}},
		{Key: "V-13", Source: w7 + "; MS-MDE2 2.2.9.5", Level: "MUST", Says: "each APPAUTH has AAUTHSECRET", Scenarios: []string{"ENR-74"}},
		{Key: "V-14", Source: w7 + "; MS-MDE2 2.2.9.5", Level: "MUST*", Says: "AAUTHDATA is base64", Scenarios: []string{"ENR-16"}, Reason: "a SHOULD: the sample of MS-MDE 3.6 has the word nonce"},
		{Key: "V-15", Source: "OMA DM Security 1.2.1, 5.1", Level: "MUST", Says: "the server has another secret for each device", Scenarios: []string{"ENR-34"}, Reason: "a SHOULD: the sample of MS-MDE 3.6 has one for all"},
		{Key: "V-16", Source: "OMA DM Security 1.2.1, 5.3", Level: "SHOULD", Says: "secrets and nonces have 16 bytes at least", Scenarios: []string{"ENR-34"}},
		{Key: "V-17", Source: w7 + "; MS-MDE2 2.2.9.5", Level: "MUST*", Says: "DEFAULTENCODING is one of the two types of SyncML DM", Scenarios: []string{"ENR-76", "SES-33"}},
		{Key: "V-18", Source: w7 + "; MS-MDE2 2.2.9.5", Level: "MUST*", Says: "INIT is absent: an enrollment with it fails", Scenarios: []string{"ENR-76"}},
		{Key: "V-19", Source: w7 + "; MS-MDE2 2.2.9.5", Level: "MUST*", Says: "ROLE is 32, PROTOVER is 1.1 or 1.2, retries and back-off times are numbers", Scenarios: []string{"ENR-76"}},
		{Key: "V-20", Source: "MS-MDE2 2.2.9.5; " + fed + ", notes", Level: "MUST*", Says: "SSLCLIENTCERTSEARCHCRITERIA finds the issued certificate", Scenarios: []string{"ENR-37", "ENR-110"},
			Reason: "it is optional, so that its absence is a hint only (ENR-110)"},
		{Key: "V-21", Source: "MS-MDE2 2.2.9.1; " + fed, Level: "MUST", Says: "DMClient/Provider is named by the PROVIDER-ID of w7", Scenarios: []string{"ENR-75"}},
		{Key: "V-22", Source: "MS-MDE2 2.2.9.3; " + dmc, Level: "SHOULD", Says: "the ProviderID needs no escaping",
			Reason: "not checked: Microsoft's own, MS DM Server, needs it. That it is escaped is PFN-06"},
		{Key: "V-23", Source: "MS-MDE2 2.2.9.3; " + dmc, Level: "MUST", Says: "not all values of the poll schedule are 0, nor all three counts", Scenarios: []string{"ENR-22"}},
		{Key: "V-24", Source: "MS-MDE2 2.2.9.3", Level: "MUST", Says: "NumberOfFirstRetries is not 0", Scenarios: []string{"ENR-83"}, Reason: "a SHOULD: " + dmc + ", says should not"},
		{Key: "V-25", Source: "MS-MDE2 2.2.9.3; " + dmc, Level: "SHOULD", Says: "the second interval is longer than the first, and the first set ends after a few hours",
			Scenarios: []string{"ENR-83"}, Reason: "a few hours are no number, so the end of the first set is not checked"},
		{Key: "V-26", Source: "MS-MDE2 2.2.9.3; " + fed, Level: "MUST", Says: "the last interval is a day at least", Scenarios: []string{"ENR-35"}, Reason: "a SHOULD, and 480 minutes pass: Microsoft's own service has them, and so have samples of MS-MDE2 2.2.9.1 and MS-MDE 3.6"},
		{Key: "V-27", Source: "MS-MDE2 2.2.9.3; " + dmc, Level: "SHOULD", Says: "one set is endless, not two", Scenarios: []string{"ENR-83"}},
		{Key: "V-28", Source: "MS-MDE2 2.2.9.3; " + dmc + ", Push", Level: "MUST*", Says: "Push is not set here", Scenarios: []string{"ENR-23"}},
		{Key: "V-29", Source: "MS-MDE2 2.2.9.1; " + fed, Level: "MUST", Says: "ROBOSupport, RenewPeriod and RetryInterval have a datatype", Scenarios: []string{"ENR-79"}},
		{Key: "V-30", Source: "MS-MDE2 2.2.9.2; Learn, Certificate renewal", Level: "SHOULD", Says: "ROBOSupport is true, and RenewPeriod is set", Scenarios: []string{"ENR-17"}},
		{Key: "V-31", Source: "MS-MDE2 2.2.9.2", Level: "MUST*", Says: "RenewPeriod and RetryInterval are 1 to 1000 days; RetryInterval is not the longer one", Scenarios: []string{"ENR-80"}},
		{Key: "V-32", Source: "Learn, Certificate renewal; MS-MDE2 2.2.9.2", Level: "SHOULD", Says: "renewal starts 40 to 60 days before the end, with a try every 4 or 5 days",
			Scenarios: []string{"ENR-82"}, Reason: "a hint only: a recommendation for certificates that live for a year"},
		{Key: "V-33", Source: "Learn, Certificate renewal", Level: "SHOULD*", Says: "the certificate lives longer than RenewPeriod", Scenarios: []string{"ENR-81"}},
		{Key: "V-34", Source: fed + ", notes", Level: "MUST", Says: "who says WSTEP renews", Scenarios: []string{"ENR-21"}},
		{Key: "V-35", Source: "MS-MDE2 2.2.9.2, ServerURL", Level: "MUST*", Says: "Renew/ServerURL is a URL that serves renewal", Scenarios: []string{"ENR-80", "ENR-21"}},
		{Key: "V-36", Source: "MS-MDE2 2.2.9.3; " + dmc, Level: "MUST*", Says: "ManagementServerAddressList holds URLs in angle brackets, each of which serves sessions, and replaces ManagementServiceAddress",
			Scenarios: []string{"ENR-86"}, Reason: "which of the URLs serve sessions is not tried: the others are for later"},
		{Key: "V-37", Source: dmc + ", HelpWebsite and others", Level: "SHOULD*", Says: "pages that the document names exist", Scenarios: []string{"ENR-32"}},
		{Key: "V-38", Source: "Learn, Microsoft Entra integration with MDM", Level: "MUST*", Says: "only CSPs that enrollment accepts are configured", Scenarios: []string{"ENR-85"}, Reason: "what any document lists is accepted: the lists differ"},
		{Key: "V-39", Source: "MS-MDE2 2.2.9.3; " + dmc, Level: "MUST*", Says: "SyncApplicationVersion is a digit, or two with a point; not above MaxSyncApplicationVersion, and never lowered",
			Scenarios: []string{"ENR-86"}, Reason: "the document and the first session are looked at"},
	}}
}
