package suite

import (
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

// TestWords: a report is read by authors of servers, not of Gomega.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		m    types.GomegaMatcher
		want string
	}{
		{Equal("POST"), "POST"}, {Equal(200), "200"}, {Equal(""), "nothing"}, {BeEmpty(), "none"}, {BeZero(), "none"},
		{Not(BeEmpty()), "something"}, {Not(Equal(404)), "anything but 404"}, {Not(HaveOccurred()), "no error"},
		{BeNumerically("<=", 5), "at most 5"}, {BeNumerically(">=", 2048), "at least 2048"}, {BeNumerically(">", 0), "at least one"},
		{BeNumerically("<", 500), "less than 500"}, {BeNumerically(">", 3), "more than 3"}, {BeNumerically("==", 3), "3"},
		{HavePrefix("https://"), "something that starts with https://"}, {ContainSubstring("x"), "something that contains x"}, {MatchRegexp("^a$"), "something of the form ^a$"},
		{And(BeNumerically(">=", 200), Not(Equal(404))), "at least 200, and anything but 404"}, {Or(BeEmpty(), Equal("chr")), "none, or chr"},
	} {
		if got := inWords(c.m); got != c.want {
			t.Errorf("%T: %q, want %q", c.m, got, c.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a matcher without words must not come into a report")
		}
	}()
	inWords(BeTrue())
}

func TestShow(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{{nil, "nothing"}, {"", "nothing"}, {"PUT", "PUT"}, {[]string{}, "nothing"}, {[]string{"a", "b"}, "a, b"}, {404, "404"}, {errors.New("no"), "no"}, {int64(5), "5"}} {
		if got := Show(c.v); got != c.want || strings.Contains(got, "<") {
			t.Errorf("%v: %q, want %q", c.v, got, c.want)
		}
	}
}
