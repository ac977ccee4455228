package explain

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	single     = regexp.MustCompile(`\bstatus["\s:=/>]*(?:is |of |was )?(\d)\b`)
	small      = regexp.MustCompile(`\b\d{3,4}\b`)
	digitsOnly = regexp.MustCompile(`^[\s\d,;]+$`)
	ofEnroll   = regexp.MustCompile(`\bdiscover(?:y|\.svc)?\b|\benrollment server\b`)
	ofDevice   = regexp.MustCompile(`\bsyncml\b|<data>|<cmdref>|\bstatus\b|\bdevices?\b|\bprofiles?\b|\bcsp\b|\blocuri\b|\./(?:device|user|vendor)\b`)
	speaksHTTP = regexp.MustCompile(`\bhttp(?:/[\d.]+)?[ :]+(?:[a-z]+ ){0,3}\d`)
	ofAlert    = regexp.MustCompile(`\balert\b`)
	event      = regexp.MustCompile(`\bevent(?: ?id)?[\s:=]*$`)
)

// fewWords is how many words a text may have beside its numbers if its statuses count
// although it does not say whose they are: "error 418 and 500".
const fewWords = 3

// pushStatus finds values of Push/Status: "Status 7".
func (r *reader) pushStatus() {
	for _, m := range single.FindAllStringSubmatchIndex(r.lower, -1) {
		if value := r.text[m[2]:m[3]]; !r.add(m[2], Lookup("push-status", value)...) && strings.HasPrefix(r.lower, "push-status ") {
			r.hits = append(r.hits, hit{at: m[2], unknown: "push-status " + value})
		}
	}
}

// statuses finds statuses of three digits and says whose they are, as the text
// does. If it names a CSP, the answer of that CSP is given.
func (r *reader) statuses() {
	digits := digitsOnly.MatchString(r.text)
	var places []string
	if !digits {
		if places = r.places(); places == nil && wordsOf(r.text) > fewWords {
			return
		}
	}
	for _, m := range small.FindAllStringIndex(r.text, -1) {
		code := r.text[m[0]:m[1]]
		if !digits && r.noStatus(m[0], m[1]) {
			continue
		}
		if r.add(m[0], r.meanings(code, places)...) {
			continue
		}
		if named := len(places) == 1 && strings.HasPrefix(r.lower, places[0]+" "+code); named || digits {
			r.hits = append(r.hits, hit{at: m[0], unknown: strings.Join(append(places, code), " ")})
		}
	}
}

// wordsOf counts the words of a text that are no numbers.
func wordsOf(text string) (n int) {
	for word := range strings.FieldsSeq(text) {
		if !strings.ContainsAny(word, "0123456789") {
			n++
		}
	}
	return n
}

// places are the sources of statuses that the text speaks of, nil if it does not
// say.
func (r *reader) places() []string {
	first, _, _ := strings.Cut(strings.TrimSpace(r.lower), " ")
	switch {
	case narrow[first] != "" && first != "status":
		return []string{first}
	case ofEnroll.MatchString(r.lower):
		return []string{"http"}
	case ofWNS.MatchString(r.lower):
		return []string{"wns"}
	case ofAlert.MatchString(r.lower):
		return []string{"alert"}
	case r.near != nil:
		return []string{"syncml"}
	case speaksHTTP.MatchString(r.lower):
		return []string{"http", "wns"}
	case ofDevice.MatchString(r.lower):
		return []string{"syncml"}
	}
	return nil
}

// noStatus reports whether digits are a part of something else: a time, a version,
// an id of an event.
func (r *reader) noStatus(from, to int) bool {
	before, after := byte(' '), r.lower[to:min(len(r.lower), to+2)]
	if from > 0 {
		before = r.text[from-1]
	}
	return strings.IndexByte("-./:_%#@+,", before) >= 0 || len(after) == 2 && strings.IndexByte("-./:_%,", after[0]) >= 0 && alphanumeric(after[1]) ||
		event.MatchString(r.lower[max(0, from-16):from])
}

// meanings are those of a status; without places, all.
func (r *reader) meanings(code string, places []string) []Found {
	if places == nil {
		out := Lookup("", code)
		if slices.ContainsFunc(out, func(f Found) bool { return f.Where == whereSyncML }) {
			r.askFor(code)
		}
		return out
	}
	switch places[0] {
	case "http":
		if len(places) > 1 {
			return append(Lookup("wns", code), ofEnrollment(code)...)
		}
		return ofEnrollment(code)
	case "alert":
		return slices.DeleteFunc(Lookup("", code), func(f Found) bool { return f.Where != whereAlert })
	case "syncml":
		for _, of := range r.near {
			if found := Lookup("syncml", code+" "+of); found != nil {
				return found
			}
		}
		r.askFor(code)
	}
	return Lookup(places[0], code)
}

// ofEnrollment is what Windows shows for an HTTP status of the enrollment server.
func ofEnrollment(status string) []Found {
	n, err := strconv.ParseUint(status, 10, 16)
	if f, ok := computed(httpFacility + uint32(n)); ok && err == nil {
		return []Found{f}
	}
	return nil
}

func (r *reader) askFor(code string) {
	if Nodes(code) != nil && !slices.Contains(r.ask, code) {
		r.ask = append(r.ask, code)
	}
}

// nodes are the CSPs that the text names.
func (r *reader) nodes() (out []string) {
	for _, c := range csps {
		if !slices.Contains(out, c.Name) && slices.ContainsFunc(c.Words, func(w string) bool { return strings.Contains(r.lower, w) }) {
			out = append(out, c.Name)
		}
	}
	return out
}
