package facts

// largeObjects is what documents ask of values that do not fit into one message.
func largeObjects() RequirementGroup {
	const source = "OMA DM Protocol 1.2.1 section 7"
	return RequirementGroup{Title: "Large objects", Requirements: []Requirement{
		{Key: "L-01", Source: source, Level: "MUST",
			Says:      "a server takes objects in chunks",
			Scenarios: []string{"SES-19", "SES-53"}},
		{Key: "L-02", Source: source + "; section 6 forbids a Status for Results", Level: "MUST",
			Says:      "a chunk is answered by 213, and by Alert 1222 if nothing else is to be said",
			Scenarios: []string{"SES-53"}, Reason: "SHOULD: the two sections disagree about Results, and desktops send no chunks"},
		{Key: "L-03", Source: source, Level: "MUST",
			Says:      "chunks that do not add up to Size get 424, and nothing is taken in",
			Scenarios: []string{"SES-54"}, Reason: "SHOULD, as L-02; only the Status is seen, not what the server keeps"},
		{Key: "L-04", Source: source, Level: "MUST",
			Says:      "an item or command before the end of the last object gets Alert 1225",
			Scenarios: []string{"SES-55"}, Reason: "SHOULD, as L-02"},
		{Key: "L-05", Source: source, Level: "MUST",
			Says:      "the server's own chunks have MoreData in all but the last, and Size in the first only",
			Scenarios: []string{"SES-56", "MSG-16"}, Reason: "that Meta is repeated is a SHOULD, and not looked at"},
		{Key: "L-06", Source: source, Level: "MUST",
			Says:      "they follow each other, with no command between them and no Final before the last",
			Scenarios: []string{"MSG-16"}},
		{Key: "L-07", Source: source + " (DevDetail/LrgObj)", Level: "SHOULD*",
			Says:      "a device whose LrgObj is false gets no chunks",
			Scenarios: []string{"SES-57"}},
	}}
}
