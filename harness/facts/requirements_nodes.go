package facts

const (
	ddfFiles = "Microsoft's DDF v2 files"
	byDDF    = "a SHOULD: DDF describes and does not demand"
)

// nodeRequirements is what Microsoft's descriptions of the CSPs ask of commands for their
// nodes.
func nodeRequirements() RequirementGroup {
	return RequirementGroup{Title: "Nodes of the CSPs", Requirements: []Requirement{
		{Key: "Q-01", Source: ddfFiles + ", Applicability", Level: "MAY*",
			Says:      "a node is set only on a build that has it",
			Scenarios: []string{"CSP-01"},
			Reason:    "told, and never a failure: Microsoft's own service sends one list of policies to all builds and takes 404 as not applicable. Nodes that nothing describes are listed. Nothing is judged before Windows 10"},
		{Key: "Q-02", Source: ddfFiles + ", AccessType", Level: "SHOULD*",
			Says:      "a node gets only operations that it takes",
			Scenarios: []string{"CSP-02"},
			Reason:    byDDF + ". Not judged: Get, by which a server finds out; Replace where DDF lists Add alone; what the simulated device's own description allows"},
		{Key: "Q-03", Source: ddfFiles + ", DFFormat; OMA DM Protocol 8.4", Level: "SHOULD*",
			Says:      "a value has the format of its node",
			Scenarios: []string{"CSP-03"},
			Reason:    byDDF + ", and is wrong about ForceAadToken. A value without a format is listed: Learn has such samples"},
		{Key: "Q-04", Source: ddfFiles + ", AllowedValues; Learn, Understanding ADMX-backed policies", Level: "SHOULD*",
			Says:      "a value is one that the node takes, and so is the name of a node that the server chooses",
			Scenarios: []string{"CSP-04"},
			Reason:    byDDF + ". Not judged: the ids of an ADMX file, XML against its schema, SDDL, what depends on the value of another node"},
		{Key: "Q-05", Source: ddfFiles + ", Path; " + learnDM + ", user targeted settings", Level: "SHOULD*",
			Says:      "a node of users is set below ./User, a node of the device is not",
			Scenarios: []string{"CSP-05"},
			Reason:    byDDF + ". Not judged: Get and Delete, and ./Vendor without either"},
		{Key: "Q-06", Source: "Learn, ClientCertificateInstall CSP", Level: "MUST",
			Says:      "the commands that install a client certificate stand in an Atomic",
			Scenarios: []string{"CSP-06"},
			Reason:    "that Enroll is the last of them is not judged. DDF has AtomicRequired on nodes of other CSPs, which Learn's samples do without: these are listed"},
	}}
}
