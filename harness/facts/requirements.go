package facts

import (
	"fmt"
	"slices"
	"strings"
)

// Requirement is one rule that a document lays on a server, in our words.
type Requirement struct {
	// Key names it: a letter for its group and a number, V-20.
	Key string
	// Source is the document and section.
	Source string
	// Level is the document's own word, MUST, SHOULD or MAY. With a star the document
	// has no such word: the rule follows from a table, a schema, a sample, or from what
	// a device does.
	Level string
	Says  string
	// Scenarios check it.
	Scenarios []string
	// Reason says why no scenario does, or what the scenarios leave out.
	Reason string
	// Needed says why scenarios of level MUST check it although its own level is none:
	// what stops working on the push path.
	Needed string
}

// RequirementGroup is what documents say about one part of the protocol.
type RequirementGroup struct {
	Title        string
	Requirements []Requirement
}

// Requirements returns what the documents ask of a server, by group.
func Requirements() []RequirementGroup {
	return []RequirementGroup{
		discovery(), authenticationPage(), policies(), enrollmentMessages(), certificateRenewal(), documentRequirements(), certificateRequirements(),
		entraRequirements(),
		sessionEnvelope(), largeObjects(),
		wnsTokens(), notifications(), statusPage(),
		commandRequirements(), nodeRequirements(), declaredRequirements(),
		credentialRequirements(), alertRequirements(), pushRequirements(),
	}
}

// requirements writes the groups as tables.
func requirements() string {
	var b strings.Builder
	groups := Requirements()
	if len(groups) == 0 {
		return ""
	}
	b.WriteString("\n# What the documents ask of a server, and who checks it\n\n" +
		"A star marks a level that the document does not state in words: the rule follows from a table, a schema, a sample, or from what a device does.\n" +
		"A scenario is a MUST only if one of its rules has that level without a star, or the push path cannot work without it.\n")
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| key | level | rule | source | scenarios | not checked, or why |\n|---|---|---|---|---|---|\n", g.Title)
		for _, r := range g.Requirements {
			why := strings.Join(slices.DeleteFunc([]string{r.Reason, r.Needed}, func(s string) bool { return s == "" }), "; ")
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.Key, r.Level, cell(r.Says), cell(r.Source), strings.Join(r.Scenarios, ", "), cell(why))
		}
	}
	return b.String()
}
