package suite

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/matchers"
	"github.com/onsi/gomega/types"
)

// Claim is a value to check with a matcher.
type Claim struct {
	t      *T
	actual any
	what   string
}

// Expect starts an assertion. what names the value in the report: "HTTP status of
// the Discover reply".
func (t *T) Expect(actual any, what string, args ...any) Claim {
	return Claim{t, actual, fmt.Sprintf(what, args...)}
}

// To ends the body as failed unless m matches the value. The report says in plain
// words what was expected: "HTTP status of the Discover reply: 200".
func (a Claim) To(m types.GomegaMatcher) {
	ok, err := m.Match(a.actual)
	switch {
	case err != nil:
		a.t.Fail(a.what+": "+inWords(m), fmt.Sprintf("%s (%v)", Show(a.actual), err))
	case !ok:
		a.t.Fail(a.what+": "+inWords(m), Show(a.actual))
	}
}

// Check ends the body as failed with these texts unless ok is set.
func (t *T) Check(ok bool, expected, saw string) {
	if !ok {
		t.Fail(expected, saw)
	}
}

// inWords says what a matcher expects. Gomega's own messages are written for
// programmers ("to be zero-valued"); reports are for authors of servers.
func inWords(m types.GomegaMatcher) string {
	switch m := m.(type) {
	case *matchers.EqualMatcher:
		return Show(m.Expected)
	case *matchers.HavePrefixMatcher:
		return "something that starts with " + m.Prefix
	case *matchers.ContainSubstringMatcher:
		return "something that contains " + m.Substr
	case *matchers.MatchRegexpMatcher:
		return "something of the form " + m.Regexp
	case *matchers.BeZeroMatcher, *matchers.BeEmptyMatcher:
		return "none"
	case *matchers.HaveOccurredMatcher:
		return "an error"
	case *matchers.BeNumericallyMatcher:
		return compared(m)
	case *matchers.NotMatcher:
		return negated(m.Matcher)
	case *matchers.AndMatcher:
		return joined(m.Matchers, ", and ")
	case *matchers.OrMatcher:
		return joined(m.Matchers, ", or ")
	}
	panic(fmt.Sprintf("the matcher %T has no words in a report; use T.Check", m))
}

func negated(m types.GomegaMatcher) string {
	switch m := m.(type) {
	case *matchers.BeEmptyMatcher, *matchers.BeZeroMatcher:
		return "something"
	case *matchers.HaveOccurredMatcher:
		return "no error"
	default:
		return "anything but " + inWords(m)
	}
}

func compared(m *matchers.BeNumericallyMatcher) string {
	v := "nothing"
	if len(m.CompareTo) > 0 {
		v = Show(m.CompareTo[0])
	}
	switch {
	case m.Comparator == ">" && v == "0", m.Comparator == ">=" && v == "1":
		return "at least one"
	case m.Comparator == ">":
		return "more than " + v
	case m.Comparator == ">=":
		return "at least " + v
	case m.Comparator == "<":
		return "less than " + v
	case m.Comparator == "<=":
		return "at most " + v
	}
	return v
}

func joined(list []types.GomegaMatcher, with string) string {
	words := make([]string, len(list))
	for i, m := range list {
		words[i] = inWords(m)
	}
	return strings.Join(words, with)
}

// typed matches the type of a value in Gomega's output.
var typed = regexp.MustCompile(`<[\w\[\]*. |:,]+>: `)

// Show formats a value for a report.
func Show(v any) string {
	switch x := v.(type) {
	case nil:
		return "nothing"
	case string:
		if x == "" {
			return "nothing"
		}
		return x
	case error:
		return x.Error()
	case fmt.Stringer:
		return x.String()
	case []string:
		if len(x) == 0 {
			return "nothing"
		}
		return strings.Join(x, ", ")
	}
	return typed.ReplaceAllString(strings.Join(strings.Fields(format.Object(v, 0)), " "), "")
}
