// Package faults are ways in which the fake WNS misbehaves, one small file
// each: what the real service was seen to do, and what senders must survive.
package faults

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// Kind is one fault by its name.
type Kind struct {
	Name string
	On   fakewns.Kind // the default of Rule.On
	Arg  string       // its argument: empty for none, in brackets if optional
	Does string
	make func(arg string) (fakewns.Fault, error)
}

// All lists the faults by name.
func All() []Kind {
	return []Kind{
		{"bad-headers", fakewns.Notification, "", "answers 200 with a malformed header line", does(badHeaders{})},
		{"bad-json", fakewns.Token, "", "answers 200 with JSON that breaks off", body(`{"access_token":"EgA`, "")},
		{"channelthrottled", fakewns.Notification, "", "answers 200 and channelthrottled, and does not deliver", field(fakewns.Fault{WNSStatus: "channelthrottled"})},
		{"delay", fakewns.Notification, "DURATION", "answers that much later", delay},
		{"dies-early", fakewns.Token, "[DURATION]", "gives tokens that end sooner than expires_in says (1m)", diesEarly},
		{"drip", fakewns.Notification, "[DURATION]", "sends the answer byte by byte over that time (10s)", newDrip},
		{"dropped", fakewns.Notification, "", "answers 200 and dropped, and does not deliver", field(fakewns.Fault{WNSStatus: "dropped"})},
		{"expires-string", fakewns.Token, "", "gives expires_in as a string", does(expiresAs(`"86400"`))},
		{"header-names", fakewns.Notification, "old|new|lower", "names the status header as older or newer text does only, or in lower case", newHeaderNames},
		{"html", fakewns.Token, "", "answers 200 with a page, as a portal that catches the request would", body("<html><body>Sign in to the network</body></html>", "text/html")},
		{"huge-token", fakewns.Token, "[BYTES]", "gives a token of that length, which is good for nothing (60000)", hugeToken},
		{"late", fakewns.Notification, "[DURATION]", "delivers that long after the answer (5s)", newLate},
		{"lost", fakewns.Notification, "", "answers 200 and received, and never delivers", field(fakewns.Fault{Lose: true})},
		{"no-expires", fakewns.Token, "", "leaves expires_in out", does(expiresAs(""))},
		{"no-headers", fakewns.Notification, "", "answers 200 without a header of WNS", does(noHeaders{})},
		{"outage", fakewns.Notification, "[DURATION]", "answers 503 with Retry-After for that long (1m)", outage},
		{"redirect", fakewns.Notification, "[CODE,][URL]", "answers with that redirection (307, to another host of WNS)", newRedirect},
		{"reordered", fakewns.Notification, "", "delivers each second notification before the first", func(string) (fakewns.Fault, error) { return fakewns.Fault{Do: &reordered{}}, nil }},
		{"reset", fakewns.Notification, "[before|after]", "resets the connection without an answer, before or after it delivers (before)", newReset},
		{"short-lived", fakewns.Token, "[DURATION]", "gives tokens that live that long, and says so (1m)", shortLived},
		{"status", fakewns.Notification, "CODE[,HEADER=VALUE...]", "answers with that status and those headers", newStatus},
		{"tls-fails", fakewns.Handshake, "", "breaks TLS handshakes off", does(tlsFails{})},
		{"truncated", fakewns.Notification, "", "closes the connection in the middle of the answer", does(truncated{})},
		{"twice", fakewns.Notification, "", "delivers twice", does(twice{})},
		{"wrong-name", fakewns.Handshake, "", "presents a certificate of another name", does(wrongName{})},
	}
}

func field(f fakewns.Fault) func(string) (fakewns.Fault, error) {
	return func(string) (fakewns.Fault, error) { return f, nil }
}

func does(a fakewns.Action) func(string) (fakewns.Fault, error) {
	return field(fakewns.Fault{Do: a})
}

// New makes a fault of "name" or "name=argument".
func New(spec string) (fakewns.Fault, error) {
	k, arg, err := faultspec.Find(spec, All(), func(k Kind) (name, arg string) { return k.Name, k.Arg })
	if err != nil {
		return fakewns.Fault{}, err
	}
	f, err := k.make(arg)
	if err != nil {
		return fakewns.Fault{}, fmt.Errorf("fault %s=%s: %w", k.Name, k.Arg, err)
	}
	f.Name, f.On = spec, k.On
	return f, nil
}

// Rule is a fault and the requests it affects, as in configuration files and
// the control API.
type Rule struct {
	Fault       string    `json:"fault" yaml:"fault"`             // "name" or "name=argument"
	On          string    `json:"on,omitempty" yaml:"on"`         // token, notification or handshake
	App         string    `json:"app,omitempty" yaml:"app"`       // PFN
	Channel     string    `json:"channel,omitempty" yaml:"-"`     // id or URI
	Device      string    `json:"device,omitempty" yaml:"device"` // DeviceID
	Header      string    `json:"header,omitempty" yaml:"header"` // "Name" or "Name: value"
	Times       int       `json:"times,omitempty" yaml:"times"`   // 0: until it is removed
	Probability float64   `json:"probability,omitempty" yaml:"probability"`
	From        time.Time `json:"from,omitzero" yaml:"-"`
	Until       time.Time `json:"until,omitzero" yaml:"-"`
	For         string    `json:"for,omitempty" yaml:"for"` // a duration, in place of Until
}

// Build makes the fault by New, for the requests that the rule names.
func (r Rule) Build() (fakewns.Fault, error) {
	f, err := New(r.Fault)
	if err != nil {
		return f, err
	}
	switch on := fakewns.Kind(r.On); on {
	case "":
	case fakewns.Token, fakewns.Notification, fakewns.Handshake:
		if (on == fakewns.Handshake) != (f.On == fakewns.Handshake) {
			return f, fmt.Errorf("fault %s does not apply to a %s", r.Fault, on)
		}
		f.On = on
	default:
		return f, fmt.Errorf("on %q is not token, notification or handshake", r.On)
	}
	if r.Times < 0 || r.Probability < 0 || r.Probability > 1 {
		return f, fmt.Errorf("fault %s: times must be 0 or more, and probability from 0 to 1", r.Fault)
	}
	f.App, f.Channel, f.Device, f.Header, f.Times, f.Probability = r.App, r.Channel, r.Device, r.Header, r.Times, r.Probability
	f.From, f.Until = r.From, r.Until
	if r.For != "" {
		if f.For, err = faultspec.Duration(r.For, 0); err != nil {
			return f, fmt.Errorf("for: %w", err)
		}
		f.Until = time.Time{}
	}
	return f, nil
}

// Parse reads a rule from one line: the fault and then words such as on=token,
// app=PFN, device=ID, header=NAME, times=3, probability=0.1, for=5m.
func Parse(line string) (Rule, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return Rule{}, fmt.Errorf("name a fault, such as \"status=503 times=3\"")
	}
	r := Rule{Fault: words[0]}
	var err error
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "on":
			r.On = value
		case "app":
			r.App = value
		case "channel":
			r.Channel = value
		case "device":
			r.Device = value
		case "header":
			r.Header = value
		case "times":
			r.Times, err = strconv.Atoi(value)
		case "probability":
			r.Probability, err = strconv.ParseFloat(value, 64)
		case "for":
			r.For = value
		default:
			return r, fmt.Errorf("unknown word %q; known words: on, app, channel, device, header, times, probability, for", w)
		}
		if err != nil {
			return r, fmt.Errorf("%q is not a number", w)
		}
	}
	_, err = r.Build()
	return r, err
}
