// Package faults are ways in which a simulated device misbehaves, one small
// file each: what real devices were seen to do, and what servers must survive.
package faults

import (
	"fmt"

	"github.com/dmwake/dmwake/harness/faultspec"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Kind is one fault by its name.
type Kind struct {
	Name string
	Arg  string // its argument: empty for none, in brackets if optional
	Does string
	make func(arg string) (dmclient.Fault, error)
}

// All lists the faults by name.
func All() []Kind {
	return []Kind{
		{"abort", "[N]", "sends Alert 1223 in place of message N (2)", newAbort},
		{"answer", "VERB:SUFFIX:CODE[:TIMES]", "answers a command on a LocURI with a given status; VERB may be *", newAnswer},
		{"certificate-fails", "[STATUS]", "answers 200 to a certificate request, whose Status later is 16, failed, or 32, unknown, or 2, pending for ever (16)", newCertificateFails},
		{"channel-uri", "URI", "tells the server another channel URI than its own", newChannelURI},
		{"cmdid-gaps", "", "numbers the commands of package 1 from 7 in steps of 3", plain(cmdIDGaps{})},
		{"double-status", "", "sends every Status but SyncHdr's twice", plain(doubleStatus{})},
		{"drop-status", "[VERB]", "sends no Status for commands, or only for one verb", newDropStatus},
		{"empty-cmdref", "", "answers with an empty CmdRef where a command failed with 400", plain(emptyCmdRef{})},
		{"garbage-digest", "", "sends a credential that is not a digest", plain(garbageDigest{})},
		{"hold", "[DURATION]", "holds the session open before message 2 (1h)", newHold},
		{"indented", "", "sends indented, prefixed XML with a declaration and CDATA", plain(indented{})},
		{"install-fails", "[HRESULT]", "lets every installation fail (-2147009287)", newInstallFails},
		{"install-parks", "[STATUS]", "answers 202 to an installation and never reports: an MSI's Status stays at 20, 25, 40, 48, 50 or 55 (48), an app's at 1", newInstallParks},
		{"late-results", "", "sends Results one message later than their Status", func(string) (dmclient.Fault, error) { return &lateResults{}, nil }},
		{"msgid-repeat", "", "numbers every message 1", plain(msgIDRepeat{})},
		{"no-certificate", "", "presents no client certificate in sessions", plain(noCertificate{})},
		{"no-final", "", "leaves Final out of package 1", plain(noFinal{})},
		{"other-identity", "DEVICEID", "takes another device's identity in the header, with its own certificate", newOtherIdentity},
		{"pfn-418-500", "", "answers 418 to Add and 500 to Replace of the PFN", plain(pfn418then500{})},
		{"push-status", "N", "tells the server another Push/Status than its own", newPushStatus},
		{"repeat-results", "", "sends the Results of a message again with the next", func(string) (dmclient.Fault, error) { return &repeatResults{}, nil }},
		{"results-without-status", "", "sends Results, but no Status for the Get", plain(resultsWithoutStatus{})},
		{"rollback-fails", "", "cannot roll back an Atomic: 516, and the changes stay", plain(rollbackFails{})},
		{"session-id", "ID", "uses this SessionID every time", newSessionID},
		{"slow", "[DURATION]", "waits before every message (5s)", newSlow},
		{"stale-nonce", "[TIMES]", "makes its first digests with an old nonce (1)", newStaleNonce},
		{"stop", "[N]", "falls silent before message N (2)", newStop},
		{"truncated", "[N]", "sends the first half of message N only (2)", newTruncated},
		{"unknown-alert", "", "adds an Alert of an unknown type to package 1", plain(unknownAlert{})},
		{"utf16", "", "sends UTF-16 with a byte order mark", plain(utf16{})},
		{"wipe-fails", "[refused|rolled-back]", "answers 500 to a wipe, or 200 and is as before (refused)", newWipeFails},
		{"wrong-certificate", "", "presents a certificate of another issuer", newWrongCertificate},
		{"wrong-version", "", "claims VerDTD 1.1 and VerProto DM/1.1", plain(wrongVersion{})},
	}
}

func plain(f dmclient.Fault) func(string) (dmclient.Fault, error) {
	return func(string) (dmclient.Fault, error) { return f, nil }
}

// New makes a fault of "name" or "name=argument", as package faultspec reads it. It
// has no further words: what a device does wrong is bound to that device.
func New(spec string) (dmclient.Fault, error) {
	line, err := faultspec.Read(spec)
	if err != nil {
		return nil, err
	}
	if len(line.Words) > 0 {
		var names []string
		for _, k := range All() {
			names = append(names, k.Name)
		}
		return nil, line.Unknown(line.Words[0], nil, names)
	}
	k, arg, err := faultspec.Find(line.Fault, All(), func(k Kind) (name, arg string) { return k.Name, k.Arg })
	if err != nil {
		return nil, err
	}
	f, err := k.make(arg.Text())
	if err != nil {
		return nil, fmt.Errorf("fault %s=%s: %w", k.Name, k.Arg, err)
	}
	return f, nil
}
