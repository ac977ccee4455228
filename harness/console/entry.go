package console

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/redact"
)

// header is one line of a request. Wrong: it breaks a rule.
type header struct {
	Name, Value string
	Wrong       bool
}

// headersOf are the headers that the rules are about.
var headersOf = map[fakewns.Rule]string{
	fakewns.RuleAuthorization: "Authorization", fakewns.RuleToken: "Authorization", fakewns.RuleContentType: "Content-Type", fakewns.RuleType: "X-WNS-Type",
	fakewns.RuleContentLength: "Content-Length", fakewns.RuleCachePolicy: "X-WNS-Cache-Policy", fakewns.RuleTTL: "X-WNS-TTL", fakewns.RuleTag: "X-WNS-Tag",
	fakewns.RuleMatch: "X-WNS-Match", fakewns.RuleStatusAsked: "X-WNS-RequestForStatus",
	fakewns.RuleGrantType: "grant_type", fakewns.RuleScope: "scope", fakewns.RuleClientID: "client_id", fakewns.RuleClientSecret: "client_secret",
}

// mark marks the lines that break a rule.
func mark(list []header, broken []fakewns.Violation) {
	for _, v := range broken {
		for i := range list {
			list[i].Wrong = list[i].Wrong || strings.EqualFold(list[i].Name, headersOf[v.Rule])
		}
	}
}

// detail is an entry with all that it tells, without secrets.
type detail struct {
	entryRow
	Line    string
	Headers []header
	Form    []header
	Body    string
	Binary  bool
	At      string
	Saw, Do string // of a connection without a request
	Wrong   string
	Broken  []fakewns.Violation
	Noted   []fakewns.Violation
}

// notification shows one entry of the journal.
func (c *console) notification(r *http.Request) (*view, error) {
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 63)
	if err != nil {
		return nil, missing{"A notification has a number: /console/notifications/12."}
	}
	list := c.WNS.Journal().Since(seq, func(e *fakewns.Entry) bool { return e.Seq == seq })
	if len(list) == 0 {
		return nil, missing{"The journal has no entry #" + strconv.FormatUint(seq, 10) + ". It keeps the newest ones only, and may have been cleared."}
	}
	d, err := c.detail(list[0])
	if err != nil {
		return nil, err
	}
	return &view{Title: "#" + strconv.FormatUint(seq, 10) + " " + string(d.Kind), Nav: "notifications", body: "notification", Data: d, parts: []part{block("fate", "notification-fate", d)}}, nil
}

func (c *console) detail(e *fakewns.Entry) (d detail, err error) {
	d = detail{entryRow: rowOf(e), At: e.At.Format("2006-01-02 15:04:05.000 MST")}
	d.Name = c.nameOf(e.Device)
	if e.Kind == fakewns.Attempt && c.Unreached != nil {
		d.Saw, d.Do = c.Unreached([]*fakewns.Entry{e})
	}
	raw, err := e.MarshalJSON() // redacted, as the API shows it
	if err != nil {
		return d, err
	}
	var safe fakewns.Entry
	if err := json.Unmarshal(raw, &safe); err != nil {
		return d, err
	}
	if safe.Method != "" {
		d.Line = safe.Method + " " + safe.Target + " " + safe.Proto
		d.Headers = append(d.Headers, header{Name: "Host", Value: safe.Host})
	}
	d.Headers = append(d.Headers, lines(safe.Header)...)
	mark(d.Headers, e.Violations)
	d.Form = lines(http.Header(safe.Form))
	mark(d.Form, e.Violations)
	d.Body, d.Binary = string(safe.Body), !utf8.Valid(safe.Body)
	if d.Binary {
		d.Body = dump(safe.Body)
	}
	d.Broken, d.Noted, d.Wrong = safe.Violations, safe.Notes, safe.Error
	return d, nil
}

// lines are headers by name.
func lines(h http.Header) (out []header) {
	for name, values := range h {
		for _, v := range values {
			out = append(out, header{Name: spelled(name), Value: v})
		}
	}
	slices.SortFunc(out, func(a, b header) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func spelled(name string) string {
	if rest, ok := strings.CutPrefix(name, "X-Wns-"); ok {
		return "X-WNS-" + rest
	}
	return name
}

const maxDump = 1024

// dump shows bytes that are no text.
func dump(b []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for i, x := range b[:min(len(b), maxDump)] {
		switch {
		case i > 0 && i%16 == 0:
			out.WriteByte('\n')
		case i > 0:
			out.WriteByte(' ')
		}
		out.WriteByte(digits[x>>4])
		out.WriteByte(digits[x&15])
	}
	if len(b) > maxDump {
		out.WriteString("\n... " + strconv.Itoa(len(b)-maxDump) + " bytes more")
	}
	return redact.Text(out.String())
}
