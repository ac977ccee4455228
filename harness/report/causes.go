package report

import (
	"cmp"
	"fmt"
	"slices"
)

// Cause is one thing that is wrong with the server, with all scenarios that show
// it. A report lists it once.
type Cause struct {
	// Text is the cause as a sentence.
	Text string `json:"cause"`
	// Level is the highest level of its scenarios, Outcome the worst outcome: failed
	// or warned.
	Level   string  `json:"level"`
	Outcome Outcome `json:"outcome"`
	// Scenarios are the ids that failed or warned because of it. Look at the first.
	Scenarios []string `json:"scenarios"`
	// Blocked are the ids that could not judge because of it.
	Blocked []string `json:"blocked,omitempty"`
	// Known says that the baseline names all of its scenarios.
	Known bool `json:"known,omitempty"`
}

// causes groups broken scenarios. Two scenarios have the same cause if their
// Result.Cause is the same, or if one is the first in the other's Under that is broken.
// One scenario that several could explain does not make them one cause.
func causes(list []Result) []Cause {
	at := map[string]int{}
	group := make([]int, len(list)) // a forest: the parent of each scenario
	for i := range list {
		at[list[i].ID], group[i] = i, i
	}
	root := func(i int) int {
		for group[i] != i {
			group[i] = group[group[i]]
			i = group[i]
		}
		return i
	}
	said := map[string]int{}
	for i := range list {
		s := &list[i]
		if !s.Broken() {
			continue
		}
		if s.Cause != "" {
			if other, ok := said[s.Cause]; ok {
				group[root(i)] = root(other)
			}
			said[s.Cause] = i
		}
		for _, id := range s.Under {
			if k, ok := at[id]; ok && k != i && list[k].Broken() {
				group[root(i)] = root(k)
				break
			}
		}
	}
	members := map[int][]int{}
	for i := range list {
		if list[i].Broken() {
			members[root(i)] = append(members[root(i)], i)
		}
	}
	blocked := map[int][]string{}
	for i := range list {
		if k := blocker(list, at, i); list[i].Outcome == Blocked && k >= 0 && list[k].Broken() {
			blocked[root(k)] = append(blocked[root(k)], list[i].ID)
		}
	}
	out := []Cause{}
	for r, all := range members {
		order(list, all)
		head := &list[all[0]]
		c := Cause{Text: head.Cause, Level: head.Level, Outcome: head.Outcome, Blocked: blocked[r], Known: true}
		if c.Text == "" {
			c.Text = fmt.Sprintf("%s: expected %s, saw %s", head.Title, short(head.Expected), short(head.Saw))
		}
		for _, i := range all {
			c.Scenarios = append(c.Scenarios, list[i].ID)
			c.Known = c.Known && list[i].Known
			if rank(list[i].Level) < rank(c.Level) {
				c.Level = list[i].Level
			}
			if list[i].Outcome == Failed {
				c.Outcome = Failed
			}
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Cause) int {
		return cmp.Or(rank(a.Level)-rank(b.Level), len(b.Scenarios)+len(b.Blocked)-len(a.Scenarios)-len(a.Blocked), at[a.Scenarios[0]]-at[b.Scenarios[0]])
	})
	return out
}

// order sorts the scenarios of a cause: first those that no other explains, then
// by level, then in the order of the list.
func order(list []Result, all []int) {
	in := map[string]bool{}
	for _, i := range all {
		in[list[i].ID] = true
	}
	explained := map[int]int{}
	for _, i := range all {
		if slices.ContainsFunc(list[i].Under, func(id string) bool { return in[id] && id != list[i].ID }) {
			explained[i] = 1
		}
	}
	slices.SortFunc(all, func(a, b int) int {
		return cmp.Or(explained[a]-explained[b], rank(list[a].Level)-rank(list[b].Level), a-b)
	})
}

// blocker returns the scenario at the end of the chain that blocks scenario i: the
// first that is not itself blocked; -1 if there is none.
func blocker(list []Result, at map[string]int, i int) int {
	for range list {
		if list[i].Outcome != Blocked {
			return i
		}
		k, ok := at[list[i].BlockedBy]
		if !ok {
			return -1
		}
		i = k
	}
	return -1 // they block each other
}

// rank orders levels, the worst to break first.
func rank(level string) int {
	if i := slices.Index([]string{Must, Should, Info}, level); i >= 0 {
		return i
	}
	return 3
}
