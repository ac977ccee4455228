package fidelity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/facts"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

const intro = "# How true the simulated devices are\n\n" +
	"Written by `make fidelity`. **captured**: equals byte for byte what a real device sent, and a test holds it there. **documented**: published by Microsoft or OMA.\n" +
	"**seen**: reported of a real device, without its bytes. **model**: inferred by us. **-**: this Windows has no such thing. To make a device truer, record a real one\n" +
	"(`dmwake mdm --record`) and compare it (`dmwake device compare`).\n\n" +
	"For the comparison with build 19043, win10-22h2 has that build's RequestVersion, OSEdition and version numbers.\n"

// Markdown returns the page: a table for each group, and what each claim rests on.
func Markdown() (string, error) {
	var b strings.Builder
	b.WriteString(intro)
	summary(&b)
	for _, g := range All() {
		fmt.Fprintf(&b, "\n## %s\n\n", g.Title)
		head(&b, "part")
		for _, p := range g.Parts {
			row(&b, p.Name, func(profile string) string { return string(p.Of(profile).Strength) })
		}
		if g.Title != "Behaviours" {
			sources(&b, g)
		}
	}
	if err := nodes(&b); err != nil {
		return "", err
	}
	b.WriteString("\n## Behaviours of every profile\n\n| | behaviour | source |\n|---|---|---|\n")
	for _, s := range facts.All() {
		if strings.HasPrefix(s.Title, "WNS") {
			continue // the push service, not the device
		}
		for _, f := range s.Facts {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", longer[f.Strength], f.Says, f.Source)
		}
	}
	return b.String(), nil
}

var longer = map[facts.Strength]Strength{facts.Doc: Documented, facts.Seen: Seen, facts.Model: Model}

func head(b *strings.Builder, first string) {
	row(b, first, func(profile string) string { return profile })
	b.WriteString("|---" + strings.Repeat("|---", len(dmclient.Profiles())) + "|\n")
}

func row(b *strings.Builder, first string, cell func(profile string) string) {
	b.WriteString("| " + first)
	for _, p := range dmclient.Profiles() {
		b.WriteString(" | " + cell(p.Name))
	}
	b.WriteString(" |\n")
}

// summary counts bodies, headers and behaviours of each profile by strength.
func summary(b *strings.Builder) {
	count := map[string]map[Strength]int{}
	for _, g := range All() {
		for _, part := range g.Parts {
			for _, p := range dmclient.Profiles() {
				if count[p.Name] == nil {
					count[p.Name] = map[Strength]int{}
				}
				count[p.Name][part.Of(p.Name).Strength]++
			}
		}
	}
	b.WriteString("\n## In short\n\nBodies, headers and behaviours that a profile has of its own:\n\n")
	head(b, "")
	for _, s := range []Strength{Captured, Documented, Seen, Model} {
		row(b, string(s), func(profile string) string { return strconv.Itoa(count[profile][s]) })
	}
}

// sources says what stands behind each claim, and its proof.
func sources(b *strings.Builder, g Group) {
	b.WriteString("\n| part | | profiles | source | equal to | proof |\n|---|---|---|---|---|---|\n")
	for _, p := range g.Parts {
		for _, c := range p.Claims {
			profiles := strings.Join(c.Profiles, ", ")
			if profiles == "" {
				profiles = "the others"
				if len(p.Claims) == 1 {
					profiles = "all"
				}
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", p.Name, c.Strength, profiles, c.Source, strings.Join(c.Captures, ", "), strings.Join(c.Proofs, ", "))
		}
	}
}

func nodes(b *strings.Builder) error {
	trees, err := Trees()
	if err != nil {
		return err
	}
	b.WriteString("\n## Nodes\n\nHow many nodes of each CSP a profile has. They follow the source, but for what is marked as seen or as a model.\n\n")
	head(b, "CSP")
	for _, t := range trees {
		row(b, t.Name, func(profile string) string {
			if t.Nodes[profile] == 0 {
				return string(Absent)
			}
			return strconv.Itoa(t.Nodes[profile])
		})
	}
	b.WriteString("\n| CSP | source | marked |\n|---|---|---|\n")
	for _, t := range trees {
		fmt.Fprintf(b, "| %s | %s | %s |\n", t.Name, t.Source, strings.Join(t.Marked, " "))
	}
	return nil
}

// source is the documents in the brackets of a description's first sentence.
func source(remark string) string {
	_, rest, _ := strings.Cut(remark, "(")
	found, _, _ := strings.Cut(rest, ")")
	return found
}

// marked are the sentences of a remark that say what was seen or is a model.
func marked(remark string) (out []string) {
	for _, sentence := range strings.SplitAfter(remark, ". ") {
		sentence = strings.TrimSpace(sentence)
		if slices.ContainsFunc([]string{"[seen", "[model", "was seen", "were seen"}, func(mark string) bool { return strings.Contains(sentence, mark) }) {
			out = append(out, sentence)
		}
	}
	return out
}
