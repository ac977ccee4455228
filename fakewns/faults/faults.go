// Package faults are ways in which the fake WNS misbehaves, one small file
// each: what the real service was seen to do, and what senders must survive.
package faults

import (
	"fmt"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// Kind is one fault by its name.
type Kind struct {
	Name string
	On   fakewns.Kind // the default of Rule.On
	Arg  string       // its argument: empty for none, in brackets if optional
	Does string
	make func(arg faultspec.Value) (fakewns.Fault, error)
	// both says that it may be put on token requests as well as on notifications.
	both bool
}

// All lists the faults by name.
func All() []Kind {
	token, push, handshake := fakewns.Token, fakewns.Notification, fakewns.Handshake
	return []Kind{
		{"appthrottled", push, "[SECONDS]", "answers 406 and appthrottled, with that Retry-After (900)", appThrottled, false},
		{"bad-headers", push, "", "answers 200 with a malformed header line", does(badHeaders{}), true},
		{"bad-json", token, "", "answers 200 with JSON that breaks off", body(`{"access_token":"EgA`, ""), false},
		{"channelthrottled", push, "", "answers 200 and channelthrottled, and does not deliver", field(fakewns.Fault{WNSStatus: "channelthrottled"}), false},
		{"delay", push, "DURATION", "answers that much later", delay, true},
		{"dies-early", token, "[DURATION]", "gives tokens that end sooner than expires_in says (1m)", diesEarly, false},
		{"drip", push, "[DURATION]", "sends the answer byte by byte over that time (10s)", newDrip, true},
		{"dropped", push, "", "answers 200 and dropped although the device is connected, and does not deliver", field(fakewns.Fault{WNSStatus: "dropped"}), false},
		{"expires-string", token, "", "gives expires_in as a string", does(expiresAs(`"86400"`)), false},
		{"header-names", push, "old|new|lower", "names the status header as older or newer text does only, or in lower case", newHeaderNames, false},
		{"html", token, "", "answers 200 with a page, as a portal that catches the request would", body("<html><body>Sign in to the network</body></html>", "text/html"), false},
		{"huge-token", token, "[BYTES]", "gives a token of that length, which is good for nothing (60000)", hugeToken, false},
		{"late", push, "[DURATION]", "delivers that long after the answer (5s)", newLate, false},
		{"lost", push, "", "answers 200 and received, and never delivers", field(fakewns.Fault{Lose: true}), false},
		{"no-expires", token, "", "leaves expires_in out", does(expiresAs("")), false},
		{"no-headers", push, "", "answers 200 without a header of WNS", does(noHeaders{}), false},
		{"not-mapped", push, "[described|bare]", "answers 403, as for an Entra app that is not mapped to the PFN: with WNS's words, or without a header of WNS (described)", newNotMapped, false},
		{"outage", push, "[DURATION]", "answers 503 with Retry-After for that long (1m)", outage, true},
		{"redirect", push, "[CODE,][URL]", "answers with that redirection (307, to another host of WNS)", newRedirect, true},
		{"reordered", push, "", "delivers each second notification before the first", func(faultspec.Value) (fakewns.Fault, error) { return fakewns.Fault{Do: &reordered{}}, nil }, false},
		{"reset", push, "[before|after]", "resets the connection without an answer, before or after it delivers (before)", newReset, true},
		{"short-lived", token, "[DURATION]", "gives tokens that live that long, and says so (1m)", shortLived, false},
		{"status", push, "CODE[,HEADER=VALUE...]", "answers with that status and those headers, in place of WNS's own; an empty VALUE leaves the header out", newStatus, true},
		{"throttled-429", push, "[SECONDS]", "answers 429, with WNS's words and that Retry-After (900)", throttled429, false},
		{"tls-fails", handshake, "", "breaks TLS handshakes off", does(tlsFails{}), false},
		{"truncated", push, "", "closes the connection in the middle of the answer", does(truncated{}), true},
		{"twice", push, "", "delivers twice", does(twice{}), false},
		{"wrong-name", handshake, "", "presents a certificate of another name", does(wrongName{}), false},
	}
}

func field(f fakewns.Fault) func(faultspec.Value) (fakewns.Fault, error) {
	return func(faultspec.Value) (fakewns.Fault, error) { return f, nil }
}

func does(a fakewns.Action) func(faultspec.Value) (fakewns.Fault, error) {
	return field(fakewns.Fault{Do: a})
}

// New makes a fault of "name" or "name=argument".
func New(spec string) (fakewns.Fault, error) {
	f, _, err := build(spec)
	return f, err
}

func build(spec string) (fakewns.Fault, Kind, error) {
	k, arg, err := faultspec.Find(spec, All(), func(k Kind) (name, arg string) { return k.Name, k.Arg })
	if err != nil {
		return fakewns.Fault{}, k, err
	}
	f, err := k.make(arg)
	if err != nil {
		return fakewns.Fault{}, k, fmt.Errorf("fault %s=%s: %w", k.Name, k.Arg, err)
	}
	f.Name, f.On = spec, k.On
	return f, k, nil
}

// applies reports whether the fault may be put on this kind of request.
func (k *Kind) applies(on fakewns.Kind) bool {
	return on == k.On || k.both && (on == fakewns.Token || on == fakewns.Notification)
}
