package mdmserver

import (
	"fmt"
	"strings"
)

// Mutant is a switch that breaks exactly one rule of the reference server, so
// that the suite can show that it would notice.
type Mutant struct {
	Name  string
	Does  string   // what the server does with it
	Kills []string // ids of the scenarios that must fail
}

// Mutants are all of them, by area.
var Mutants = []Mutant{
	{"enr-get-404", "answers the discovery GET with 404", []string{"ENR-01"}},
	{"enr-chunked", "sends enrollment replies chunked, without Content-Length", []string{"ENR-02"}},
	{"enr-policies-panic", "crashes on GetPolicies", []string{"ENR-02"}},
	{"enr-relates-to", "puts a constant into RelatesTo", []string{"ENR-03"}},
	{"enr-url-relative", "advertises relative service URLs", []string{"ENR-05"}},
	{"enr-strict-csr", "refuses a CSR that a strict parser refuses", []string{"ENR-09"}},
	{"enr-doc-version", "writes no version into the provisioning document", []string{"ENR-11"}},
	{"enr-wrong-key", "certifies another key than the CSR's", []string{"ENR-12"}},
	{"enr-wrong-root", "delivers a root that did not issue the certificate", []string{"ENR-12"}},
	{"enr-no-name", "leaves NAME out of the APPLICATION characteristic", []string{"ENR-14"}},
	{"enr-password-panic", "crashes on a wrong password", []string{"ENR-18"}},
	{"enr-password-any", "takes any password", []string{"ENR-18", "ENR-29"}},
	{"enr-serial-constant", "gives every certificate the same serial number", []string{"ENR-24"}},
	{"enr-token-optional", "lets requests without a security token pass", []string{"ENR-29"}},

	{"ses-first-500", "answers the first session with 500", []string{"SES-01"}},
	{"ses-content-type", "replies with text/xml", []string{"SES-02"}},
	{"ses-session-id", "replies with SessionID 1, whatever the device's is", []string{"SES-05"}},
	{"ses-msg-id", "replies with MsgID 1 every time", []string{"SES-06"}},
	{"ses-hdr-status-missing", "sends no Status for SyncHdr", []string{"SES-08"}},
	{"ses-hdr-status-last", "sends the Status for SyncHdr after the others", []string{"SES-08"}},
	{"ses-cmdref-fixed", "answers CmdRef 2, 3, 4, whatever the device numbered", []string{"SES-09"}},
	{"ses-alert-unanswered", "sends no Status for Alerts", []string{"SES-09"}},
	{"ses-status-order", "sends its Statuses in reverse", []string{"SES-10"}},
	{"ses-cmdid-repeated", "uses one CmdID twice", []string{"SES-12"}},
	{"ses-cmdid-zero", "numbers its commands from 0", []string{"SES-12"}},
	{"ses-no-final", "never sends Final", []string{"SES-13"}},
	{"ses-endless", "sends one more Get in every message", []string{"SES-14"}},
	{"ses-zero-refused", "refuses SessionID 0", []string{"SES-16"}},
	{"ses-content-length", "declares more bytes than it sends", []string{"SES-36"}},
	{"ses-extra-status", "answers a command the device never sent", []string{"SES-37"}},
	{"ses-unbound-prefix", "uses a prefix it does not bind", []string{"SES-38"}},
	{"ses-unescaped", "does not escape text", []string{"SES-38"}},

	{"pfn-never", "sets no PFN", []string{"PFN-01"}},
	{"pfn-full-name", "sets the package full name", []string{"PFN-02"}},
	{"pfn-upper-case", "does not lower-case the PFN", []string{"PFN-03"}},
	{"pfn-bad-hash", "sets a PFN whose publisher hash is cut", []string{"PFN-04"}},
	{"pfn-wrong-provider", "addresses the provider MS DM Server", []string{"PFN-05"}},
	{"pfn-provider-plain", "does not URI-encode the ProviderID", []string{"PFN-05"}},
	{"pfn-format-int", "sends the PFN with Format int", []string{"PFN-06"}},
	{"pfn-no-push-node", "does not add Push first", []string{"PFN-07"}},
	{"pfn-atomic", "sends Add and Replace of the PFN in one Atomic", []string{"PFN-08"}},
	{"pfn-channel-never", "never asks for ChannelURI", []string{"PFN-09"}},
	{"pfn-channel-once", "asks for ChannelURI once only", []string{"PFN-10", "CHN-10"}},
	{"pfn-status-never", "never asks for Push/Status", []string{"PFN-11"}},
	{"pfn-every-session", "sets the PFN in every session", []string{"PFN-12"}},
	{"pfn-per-device", "sets another PFN on every device", []string{"PFN-13"}},

	{"chn-keep-first", "keeps the first channel URI for good", []string{"CHN-01", "CHN-02"}},
	{"chn-push-all", "pushes to every channel URI it ever saw", []string{"CHN-02"}},
	{"chn-keep-on-empty", "goes on with the old channel when the device has none", []string{"CHN-03"}},
	{"chn-ignore-status", "pushes whatever Push/Status says", []string{"CHN-04"}},
	{"chn-expired-silent", "asks for nothing more once a channel expired", []string{"CHN-05"}},
	{"chn-expired-no-pfn", "does not set the PFN again when a channel expired", []string{"CHN-11"}},
	{"chn-cut", "keeps 255 characters of a channel URI", []string{"CHN-07"}},
	{"chn-any-uri", "posts to any channel URI", []string{"CHN-08"}},
	{"chn-keep-enrollment", "keeps the channel when a device enrolls again", []string{"CHN-09"}},
	{"chn-global", "keeps one channel for all devices", []string{"CHN-06"}},

	{"tok-json", "asks for the token with a JSON body", []string{"TOK-01"}},
	{"tok-scope", "asks for the wrong scope", []string{"TOK-02"}},
	{"tok-plain-sid", "does not percent-encode the form", []string{"TOK-03"}},
	{"tok-every-push", "fetches a token for every push", []string{"TOK-04"}},
	{"tok-never-renewed", "fetches a token once and never again", []string{"TOK-05", "WER-01"}},
	{"tok-stampede", "fetches a token in every push that finds none", []string{"TOK-06"}},
	{"tok-storm", "asks again at once and often when it gets no token", []string{"TOK-07", "TOK-08"}},
	{"tok-dead", "never asks again once it got no token", []string{"TOK-07"}},
	{"tok-no-json-dead", "never asks again once an answer could not be read", []string{"TOK-09"}},

	{"wns-put", "sends the notification with PUT", []string{"WNS-01"}},
	{"wns-bearer", "sends the token without Bearer", []string{"WNS-02"}},
	{"wns-content-type", "adds a charset to the Content-Type", []string{"WNS-03"}},
	{"wns-type", "sends no X-WNS-Type", []string{"WNS-04"}},
	{"wns-chunked", "sends the body chunked", []string{"WNS-05"}},
	{"wns-empty", "sends an empty body", []string{"WNS-06"}},
	{"wns-large", "sends 6,000 bytes", []string{"WNS-07"}},
	{"wns-uri", "decodes the channel URI and does not encode it again", []string{"WNS-08"}},
	{"wns-no-cache", "sends no X-WNS-Cache-Policy", []string{"WNS-09", "PSH-05"}},
	{"wns-ttl-zero", "sends X-WNS-TTL: 0", []string{"WNS-10"}},
	{"wns-body-names", "writes device and user into the body", []string{"WNS-11"}},
	{"wns-no-status", "does not ask for X-WNS-DeviceConnectionStatus", []string{"WNS-12"}},
	{"wns-tls-any", "takes any certificate", []string{"WNS-13", "TOK-10"}},
	{"wns-redirect", "follows redirects with its token", []string{"WNS-14"}},
	{"wns-no-reuse", "opens a connection for every notification", []string{"WNS-15"}},

	{"wer-401-stop", "gives up at 401", []string{"WER-01"}},
	{"wer-401-loop", "fetches a token and tries again as long as it gets 401", []string{"WER-02"}},
	{"wer-403-retry", "sends again after 403", []string{"WER-03"}},
	{"wer-404-keep", "goes on with a channel after 404", []string{"WER-04"}},
	{"wer-410-keep", "goes on with a channel after 410", []string{"WER-05"}},
	{"wer-410-no-pfn", "does not set the PFN again after 410", []string{"WER-06"}},
	{"wer-406-now", "ignores Retry-After", []string{"WER-07", "WER-11"}},
	{"wer-406-steady", "tries again every tenth of a second when it is throttled", []string{"WER-08"}},
	{"wer-413-retry", "sends the same again after 413", []string{"WER-09"}},
	{"wer-500-hammer", "repeats at once and often after 500", []string{"WER-10"}},
	{"wer-dropped-done", "takes what was queued for done when WNS dropped the push", []string{"WER-12"}},
	{"wer-throttled-again", "sends at once again when the channel is throttled", []string{"WER-13"}},
	{"wer-reset-hammer", "repeats at once and often when a connection breaks", []string{"WER-14"}},
	{"wer-serial", "sends one notification at a time", []string{"WER-15"}},
	{"wer-bad-reply-dead", "never pushes again after an answer that is no HTTP", []string{"WER-16"}},
	{"wer-down-dead", "never pushes again once WNS was down", []string{"WER-17"}},

	{"psh-skip-session", "keeps what was queued back for one session", []string{"PSH-01"}},
	{"psh-twice", "sends every queued command in two sessions", []string{"PSH-02", "PSH-04"}},
	{"psh-empty-404", "answers a session with nothing queued with 404", []string{"PSH-03"}},
	{"psh-forget", "drops what was queued if no session follows the push at once", []string{"PSH-06"}},
	{"psh-cut-data", "keeps 1,000 characters of what is queued", []string{"PSH-09"}},
	{"psh-sent-done", "takes what was sent for done", []string{"PSH-13", "ERR-14"}},
	{"psh-exec-replace", "sends Exec commands as Replace", []string{"PSH-07", "PSH-08"}},
	{"psh-wipe-active", "keeps a wiped device active", []string{"PSH-07"}},

	{"err-push-418", "fails the session when Add of Push answers 418", []string{"ERR-01"}},
	{"err-pfn-418", "leaves it at that when Add of the PFN answers 418", []string{"ERR-02"}},
	{"err-500-forever", "repeats Replace of the PFN as long as it answers 500", []string{"ERR-03"}},
	{"err-500-giveup", "never sets the PFN again once it answered 500", []string{"ERR-17"}},
	{"err-channel-fails", "fails the session when Get of ChannelURI fails", []string{"ERR-06"}},
	{"err-cmd-forever", "sends commands that fail in every session", []string{"ERR-07", "ERR-10"}},
	{"err-215-fails", "fails the session at 214 and 215", []string{"ERR-12"}},
	{"err-599-panics", "crashes at a status it does not know", []string{"ERR-13"}},
	{"err-double-fails", "fails the session when a Status comes twice", []string{"ERR-15"}},
	{"err-results-fail", "fails the session at Results without a Status", []string{"ERR-16"}},
	{"err-500-first", "sends nothing else before the PFN is set", []string{"ERR-04"}},

	{"sec-no-cert", "takes the device's word where no certificate comes", []string{"SEC-01"}},
	{"sec-any-ca", "takes certificates of any issuer", []string{"SEC-02"}},
	{"sec-source", "takes the SyncHdr Source for the identity", []string{"SEC-03"}},

	{"rob-panic", "crashes on a message it cannot read", []string{"ROB-01"}},
	{"rob-wedge", "locks a device out after a message was cut", []string{"ROB-09"}},
}

// switches is the set of mutants that are on.
type switches map[string]bool

func newSwitches(names []string) (switches, error) {
	sw := switches{}
	for _, n := range names {
		if !isMutant(n) {
			return nil, fmt.Errorf("unknown mutant %q; --list-mutants shows them all%s", n, nearest(n))
		}
		sw[n] = true
	}
	return sw, nil
}

func isMutant(name string) bool {
	for _, m := range Mutants {
		if m.Name == name {
			return true
		}
	}
	return false
}

func nearest(name string) string {
	area, _, _ := strings.Cut(name, "-")
	var same []string
	for _, m := range Mutants {
		if strings.HasPrefix(m.Name, area+"-") {
			same = append(same, m.Name)
		}
	}
	if len(same) == 0 {
		return ""
	}
	return "; those of " + area + ": " + strings.Join(same, ", ")
}
