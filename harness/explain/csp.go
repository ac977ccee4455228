package explain

// ofCSP is what a status means on the nodes of one CSP.
type ofCSP struct {
	Status int
	Name   string
	Words  []string // that name the CSP in a text, in lower case
	Answer
}

var (
	wipeWords = []string{"remotewipe", "dowipe", "doautomaticredeployment"}
	admxWords = []string{"admx", "configoperations"}
	pfnWords  = []string{"pfn", "push/pfn"}
	userWords = []string{"./user"}
	scepWords = []string{"clientcertificateinstall", "scep"}
)

// csps are sorted by CSP; each is the first to say what its status means there.
var csps = []ofCSP{
	{500, "ADMX", admxWords, Answer{Means: "The ADMX file, or a policy of it, was not taken. That the answer is 500 is a model.",
		Causes: []string{"The policy writes to a registry key that is closed to MDM: System, Software\\Microsoft, Software\\Policies\\Microsoft, with exceptions (https://github.com/microsoft/winget-cli/issues/1892, https://github.com/Micke-K/IntuneManagement/issues/38).", "The value does not fit the elements of the policy; the event log says that the data is invalid (https://github.com/pseymour/MakeMeAdmin/issues/49).", "A category or namespace that the file refers to was not ingested (https://github.com/microsoft/PowerToys/issues/21702)."},
		Do:     []string{"Compare the keys of the file with the list on Learn's page."}, Scenarios: []string{"ERR-18", "ERR-07"}, Source: admxPage, Strength: Model}},
	{404, "ADMX", admxWords, Answer{Means: "The policy is not found.",
		Causes: []string{"Get of a policy whose ADMX was ingested: devices answer 404 although the policy works (https://github.com/fleetdm/fleet/issues/28499).", "The ADMX file was not ingested before the policy is set: ADMXInstall comes first.", "The LocURI is not Application~Policy~Category/Policy of that file."},
		Do:     []string{"Do not judge an ADMX policy by Get; look at the registry or at event 404.", "Send ADMXInstall and the policy in this order, as separate commands."}, Scenarios: []string{"ERR-18"}, Source: admxPage, Strength: Seen}},
	{500, "Atomic", []string{"atomic"}, Answer{Means: "A command that is not allowed inside an Atomic: Get, or an Atomic. The outer Atomic answers 507.", Causes: []string{"Nested Atomic, or a Get in it."}, Do: []string{"Send the Get after the Atomic."}, Scenarios: []string{"ERR-09"}, Source: omadm}},
	{404, "PFN", pfnWords, Answer{Means: "There is no node for the PFN.", Causes: []string{"Push was not added before it.", "The ProviderID in the LocURI is not the enrolled one."}, Do: []string{"Add Push, then the PFN, then ask for ChannelURI."}, Scenarios: []string{"PFN-05", "PFN-07"}, Source: csp}},
	{415, "PFN", pfnWords, Answer{Means: "The PFN was sent with another Format than chr.", Causes: []string{"Format int, or none (https://github.com/fleetdm/fleet/issues/43454)."}, Do: []string{"Send Format chr."}, Shows: []string{"dmwake repro format-415"}, Scenarios: []string{"PFN-06", "ERR-10"}, Source: csp}},
	{418, "PFN", pfnWords, Answer{Means: "There is a PFN already.", Causes: []string{"An earlier enrollment left it behind.", "The Status of the first Add was lost."}, Do: []string{"Send Replace, or Get it and compare."}, Shows: []string{"dmwake repro add-pfn-418", "dmwake repro pfn-418-500"}, Scenarios: []string{"ERR-02", "ERR-04"}, Source: csp}},
	{500, "PFN", pfnWords, Answer{Means: "The device could not register the PFN.",
		Causes: []string{"The PFN is a package full name (Name_Version_Arch_ResourceId_Hash); the family name is Name_Hash.", "It is not lower-cased (Windows Phone 8.1).",
			"WNS does not know it, or it was revoked.", "Its publisher hash is malformed: it has 13 characters, without i, l, o, u.", "Push was not added before it.", "The device's WNS client is offline."},
		Do: []string{"Windows 10 and later answer 200 and give the reason in Push/Status: read it (dmwake explain push-status).", "Do not repeat it in the same session; try again in a later one."}, Shows: []string{"dmwake repro full-name-500", "dmwake repro not-lower-case-500", "dmwake repro unknown-pfn-500", "dmwake repro bad-hash-500", "dmwake repro push-missing-500", "dmwake repro offline-500", "dmwake repro pfn-418-500"},
		Scenarios: []string{"ERR-03", "ERR-04", "PFN-02", "PFN-03"}, Source: first + "; which cause gives 500 is a model", Strength: Seen}},
	{404, "RemoteWipe", wipeWords, Answer{Means: "This device has no such wipe: doWipeProtected came with Windows 10 1703.", Do: []string{"Use doWipe."}, Scenarios: []string{"PSH-07"}, Source: wipeCSP}},
	{405, "RemoteWipe", wipeWords, Answer{Means: "The device does not allow this wipe, or not this command on its node: only Exec starts a wipe. Seen for AutomaticRedeployment; why was not told (https://github.com/MicrosoftDocs/windows-itpro-docs/issues/558).", Do: []string{"Send Exec, not Replace or Get; try doWipe."}, Scenarios: []string{"PSH-07"}, Source: wipeCSP, Strength: Seen}},
	{500, "RemoteWipe", wipeWords, Answer{Means: "The wipe did not start: the device is as it was, and stays managed.",
		Causes: []string{"The recovery environment (WinRE) is disabled, or has no partition (https://github.com/fleetdm/fleet/issues/34994, https://github.com/fleetdm/fleet/pull/42230, https://github.com/MicrosoftDocs/windows-itpro-docs/issues/6974).", "The component store is damaged."},
		Do:     []string{"On the device: reagentc /info, and reagentc /enable.", "In the server: tell the failure, keep the device, do not count the wipe as done."}, Shows: []string{"dmwake device sync --fault wipe-fails"}, Scenarios: []string{"ERR-22", "PSH-07"}, Source: wipeCSP, Strength: Seen}},
	{500, "SCEP", scepWords, Answer{Means: "The certificate request was not started. That the answer is 500 is a model.", Causes: []string{"A node that Enroll needs is missing: ServerURL, Challenge, EKUMapping, KeyUsage, KeyLength, SubjectName, HashAlgorithm, CAThumbprint."},
		Do: []string{"A request that was started answers 200 and can fail later (https://github.com/fleetdm/fleet/issues/45550): ask for its Status."}, Shows: []string{"dmwake device sync --fault certificate-fails"}, Scenarios: []string{"ERR-23", "PSH-11"}, Source: "https://learn.microsoft.com/en-us/windows/client-management/mdm/clientcertificateinstall-csp", Strength: Model}},
	{404, "./User", userWords, Answer{Means: "This node does not exist for users.", Causes: []string{"RootCATrustedCertificates/Root is for the device only."}, Do: []string{"Send it to ./Device."}, Source: "MS-MDE2 2.2.9.4, " + mde2}},
	{405, "./User", userWords, Answer{Means: "The user's part of the tree cannot be used now.", Causes: []string{"Nobody is logged in, or not the user who enrolled: Alert 1224, LoginStatus none or others (https://github.com/fleetdm/fleet/pull/49250)."}, Do: []string{"Hold it back until a session says LoginStatus user, and send it again then."}, Shows: []string{"dmwake repro user-405"}, Scenarios: []string{"ESP-07"}, Source: omadm, Strength: Seen}},
}
