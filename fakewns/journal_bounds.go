package fakewns

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What the journal keeps of one request at most. Anybody can send requests, so
// everything that a peer chooses is bounded. Senders stay far below: the longest
// channel URI is 1,024 characters (Learn, "Push notification service request and
// response headers"), and no known sender has 40 headers.
const (
	maxHeaders     = 64       // values of headers
	maxHeaderBytes = 16 << 10 // their names and values
	maxTarget      = 4 << 10  // bytes
	maxFields      = 64       // values of a form
	maxRulesBroken = 32
	maxText        = 512 // bytes of any other text
)

// defaultEntryBytes is what an entry may take on average until the journal drops its
// oldest ones. An entry of a usual notification takes a tenth of it.
const defaultEntryBytes = 16 << 10

// minJournalBytes is for the journals of few entries.
const minJournalBytes = 1 << 20

// headersFirst and fieldsFirst are kept before all others: the rules are about them.
var (
	headersFirst = []string{"Authorization", "Content-Type", "Content-Length", hType, hCachePolicy, hRequestForStatus, hTag, hGroup, hTTL, hSuppressPopup, hMatch, hMSCV, "User-Agent"}
	fieldsFirst  = []string{"grant_type", "client_id", "client_secret", "scope"}
)

// bound cuts an entry to what the journal keeps, says so in Cut, and returns about
// how many bytes of memory it takes.
func (e *Entry) bound() (size int) {
	var cut []string
	if e.values == 0 {
		for name, list := range e.Header {
			e.measure(name, list)
		}
	}
	values, bytes := e.values, e.bytes
	if values > maxHeaders || bytes > maxHeaderBytes {
		kept, left := fewer(e.Header, headersFirst, maxHeaders, maxHeaderBytes)
		e.Header = kept
		cut = append(cut, fmt.Sprintf("%d of %d headers", left, values))
		values, bytes = countValues(kept)
	}
	fields, formBytes := countValues(e.Form)
	if fields > maxFields {
		kept, left := fewer(e.Form, fieldsFirst, maxFields, maxTokenRequest)
		e.Form = url.Values(kept)
		cut = append(cut, fmt.Sprintf("%d of %d form fields", left, fields))
		fields, formBytes = countValues(kept)
	}
	shorten := func(what string, s *string, most int) {
		if len(*s) > most {
			cut = append(cut, fmt.Sprintf("%d of %d bytes of the %s", len(*s)-most, len(*s), what))
			*s = strings.Clone((*s)[:most])
		}
	}
	shorten("request target", &e.Target, maxTarget)
	shorten("host", &e.Host, maxText)
	shorten("method", &e.Method, maxText)
	shorten("error", &e.Error, 2*maxText)
	if n := len(e.Violations); n > maxRulesBroken {
		cut = append(cut, fmt.Sprintf("%d of %d broken rules", n-maxRulesBroken, n))
		e.Violations = slices.Clone(e.Violations[:maxRulesBroken])
	}
	if len(cut) > 0 {
		e.Cut = strings.Join(cut, ", ") + " not kept"
	}
	// A value takes a slot in a map, a slice and its own header of a string.
	const entry, value = 900, 112
	size = entry + value*(values+fields) + bytes + formBytes + len(e.Body) + len(e.Target) + len(e.Host) + len(e.Error) + len(e.Cut)
	e.Violations, e.Notes = shortTexts(e.Violations), shortTexts(e.Notes)
	for _, list := range [...][]Violation{e.Violations, e.Notes} {
		for _, v := range list {
			size += 32 + len(v.Text)
		}
	}
	return size
}

// shortTexts cuts texts that name what a peer sent, such as a method.
func shortTexts(list []Violation) []Violation {
	for i, v := range list {
		if len(v.Text) > maxText {
			list = slices.Clone(list)
			for k := i; k < len(list); k++ {
				list[k].Text = strings.Clone(list[k].Text[:min(len(list[k].Text), maxText)])
			}
			break
		}
	}
	return list
}

// measure counts the values of a header, and the bytes of its name and values.
func (e *Entry) measure(name string, values []string) {
	e.values += len(values)
	e.bytes += len(name)
	for _, v := range values {
		e.bytes += len(v)
	}
}

// countValues counts the values of headers or of a form, and the bytes of names and
// values.
func countValues[M ~map[string][]string](m M) (values, bytes int) {
	for name, list := range m {
		values += len(list)
		bytes += len(name)
		for _, v := range list {
			bytes += len(v)
		}
	}
	return values, bytes
}

// fewer keeps so many values of m, whole ones, those named in first before the
// others. left is how many it leaves out.
func fewer[M ~map[string][]string](m M, first []string, most, bytes int) (kept http.Header, left int) {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	rank := func(name string) int {
		if i := slices.Index(first, name); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	kept = http.Header{}
	for _, name := range names {
		for _, v := range m[name] {
			if most == 0 || len(name)+len(v) > bytes {
				left++
				continue
			}
			most--
			bytes -= len(name) + len(v)
			kept[name] = append(kept[name], v)
		}
	}
	return kept, left
}
