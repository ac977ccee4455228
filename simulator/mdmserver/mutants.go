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
	// Also are those of other areas that cannot but fail with it, or whole areas.
	Also []string
}

// Mutants are all of them, by area.
var Mutants = []Mutant{
	{"enr-get-404", "answers the discovery GET with 404", []string{"ENR-01"}, nil},
	{"enr-chunked", "sends enrollment replies chunked, without Content-Length", []string{"ENR-02"}, nil},
	{"enr-policies-panic", "crashes on GetPolicies", []string{"ENR-02"}, []string{"ENR-03", "ENR-05"}},
	{"enr-relates-to", "puts a constant into RelatesTo", []string{"ENR-03"}, nil},
	{"enr-url-relative", "advertises relative service URLs", []string{"ENR-05"}, nil},
	{"enr-strict-csr", "refuses a CSR that a strict parser refuses", []string{"ENR-09"}, nil},
	{"enr-sha1-only", "refuses a CSR with SHA-256", []string{"ENR-10"}, nil},
	{"enr-no-eku", "certifies for anything but client authentication", []string{"ENR-13"}, []string{"SES-01"}},
	{"enr-no-appsrv", "leaves APPAUTH APPSRV out", []string{"ENR-15"}, []string{"SES-29", "SES-30", "SES-31", "SES-32", "SES-41", "SEC-05", "SEC-16", "SEC-17"}},
	{"enr-nonce-plain", "writes AAUTHDATA as it is", []string{"ENR-16"}, nil},
	{"enr-no-robo", "says nothing of renewal", []string{"ENR-17"}, nil},
	{"enr-again-refused", "refuses a device that it knows", []string{"ENR-20"}, nil},
	{"enr-poll-zero", "writes a poll schedule of zeros", []string{"ENR-22"}, nil},
	{"enr-ca-expired", "has a CA that is over", []string{"ENR-25"}, []string{"SES-01"}},
	{"enr-doc-version", "writes no version into the provisioning document", []string{"ENR-11"}, nil},
	{"enr-wrong-key", "certifies another key than the CSR's", []string{"ENR-12"}, []string{"SES-01"}},
	{"enr-wrong-root", "delivers a root that did not issue the certificate", []string{"ENR-12"}, nil},
	{"enr-no-name", "leaves NAME out of the APPLICATION characteristic", []string{"ENR-14"}, nil},
	{"enr-password-panic", "crashes on a wrong password", []string{"ENR-18"}, nil},
	{"enr-password-any", "takes any password", []string{"ENR-18", "ENR-29"}, nil},
	{"enr-serial-constant", "gives every certificate the same serial number", []string{"ENR-24"}, nil},
	{"enr-token-optional", "lets requests without a security token pass", []string{"ENR-29"}, nil},
	{"enr-policy-unoffered", "answers an AuthPolicy that the device did not offer", []string{"ENR-04"}, nil},
	{"enr-no-auth-url", "leaves AuthenticationServiceUrl out", []string{"ENR-06"}, nil},
	{"enr-appru-fixed", "returns the sign-in to an address of its own", []string{"ENR-06"}, nil},
	{"enr-policy-lies", "advertises OnPremise and takes no UsernameToken", []string{"ENR-07"}, nil},
	{"enr-policies-unbound", "uses an unbound prefix in GetPoliciesResponse", []string{"ENR-08"}, nil},
	{"enr-policies-none", "answers GetPolicies without a policy", []string{"ENR-08"}, nil},
	{"enr-soap-panic", "crashes on malformed SOAP", []string{"ENR-19"}, nil},
	{"enr-renew-refused", "renews no certificates", []string{"ENR-21", "PSH-11"}, nil},
	{"enr-pfn-document", "writes the PFN into the provisioning document", []string{"ENR-23"}, nil},
	{"enr-timestamp-old", "stamps its replies with a time of long ago", []string{"ENR-26"}, nil},
	{"enr-activity-constant", "gives every reply the same ActivityId", []string{"ENR-26"}, nil},
	{"enr-action-short", "writes the SOAP Action without its namespace", []string{"ENR-27"}, nil},
	{"enr-oid-dangling", "refers to a hash algorithm that it does not name", []string{"ENR-28"}, nil},
	{"enr-policy-schema", "writes policySchema 2", []string{"ENR-28"}, nil},
	{"enr-soap-strict", "reads SOAP by its first bytes", []string{"ENR-30"}, nil},
	{"enr-any-key", "takes keys of any length", []string{"ENR-31"}, nil},
	{"enr-help-404", "names a page that is not there", []string{"ENR-32"}, nil},
	{"enr-key-length", "asks for keys of 1024 bits", []string{"ENR-33"}, nil},
	{"enr-stale-session", "goes on with a session of the earlier enrollment", []string{"ENR-20"}, nil},
	{"enr-poll-minute", "lets devices poll every minute for good", []string{"ENR-35"}, nil},
	{"enr-nonce-same", "gives all devices one nonce and one secret", []string{"ENR-34"}, nil},

	{"ses-first-500", "answers the first session with 500", []string{"SES-01"}, nil},
	{"ses-content-type", "replies with text/xml", []string{"SES-02"}, nil},
	{"ses-chunked", "sends replies chunked", []string{"SES-03"}, nil},
	{"ses-version", "writes VerDTD 1.1", []string{"SES-04"}, nil},
	{"ses-swapped", "swaps Target and Source", []string{"SES-07"}, nil},
	{"ses-msgref", "answers message 1 every time", []string{"SES-11"}, nil},
	{"ses-bye", "ends a session with a page", []string{"SES-15"}, nil},
	{"ses-id-decimal", "takes decimal SessionIDs only", []string{"SES-17"}, nil},
	{"ses-404-stalls", "sends nothing more once a command answered 404", []string{"SES-18"}, nil},
	{"ses-user-always", "asks for a node of ./User in every session", []string{"SES-21"}, nil},
	{"ses-405-loop", "sends what answered 405 again in the same session", []string{"SES-22"}, nil},
	{"ses-compact-only", "reads compact XML only", []string{"SES-23"}, nil},
	{"ses-unknown-alert", "fails the session at an Alert it does not know", []string{"SES-24"}, []string{"PSH-10"}},
	{"ses-unenroll-404", "answers the Alert of unenrollment with 404", []string{"SES-25"}, nil},
	{"ses-abort-wedge", "locks a device out that aborted a session", []string{"SES-26"}, nil},
	{"ses-session-id", "replies with SessionID 1, whatever the device's is", []string{"SES-05"}, nil},
	{"ses-msg-id", "replies with MsgID 1 every time", []string{"SES-06"}, []string{"PSH-04"}},
	{"ses-hdr-status-missing", "sends no Status for SyncHdr", []string{"SES-08"}, nil},
	{"ses-hdr-status-last", "sends the Status for SyncHdr after the others", []string{"SES-08"}, nil},
	{"ses-cmdref-fixed", "answers CmdRef 2, 3, 4, whatever the device numbered", []string{"SES-09"}, nil},
	{"ses-alert-unanswered", "sends no Status for Alerts", []string{"SES-09"}, []string{"PSH-10"}},
	{"ses-status-order", "sends its Statuses in reverse", []string{"SES-10"}, nil},
	{"ses-cmdid-repeated", "uses one CmdID twice", []string{"SES-12"}, nil},
	{"ses-cmdid-zero", "numbers its commands from 0", []string{"SES-12"}, nil},
	{"ses-no-final", "never sends Final", []string{"SES-13"}, []string{"ERR-05"}},
	{"ses-endless", "sends one more Get in every message", []string{"SES-14"}, nil},
	{"ses-zero-refused", "refuses SessionID 0", []string{"SES-16"}, nil},
	{"ses-content-length", "declares more bytes than it sends", []string{"SES-36"}, nil},
	{"ses-extra-status", "answers a command the device never sent", []string{"SES-37"}, nil},
	{"ses-unbound-prefix", "uses a prefix it does not bind", []string{"SES-38"}, nil},
	{"ses-unescaped", "does not escape text", []string{"SES-38"}, nil},
	{"ses-chunk-refused", "fails at Results that come in parts", []string{"SES-19"}, nil},
	{"ses-first-status", "reads the first Status of a message only", []string{"PSH-04"}, []string{"PFN", "WER", "ERR"}},
	{"ses-202-fails", "fails the session at 202", []string{"SES-20", "PSH-10"}, nil},
	{"ses-202-again", "sends what was answered 202 again", []string{"SES-20", "PSH-10"}, nil},
	{"ses-1226-fails", "fails at the Alert with the result of an installation", []string{"SES-20", "PSH-10"}, nil},
	{"ses-max-size", "ignores the device's MaxMsgSize", []string{"SES-27"}, nil},
	{"ses-gzip", "compresses its replies unasked", []string{"SES-28"}, nil},
	{"ses-query-mode", "answers mode=Machine with 404", []string{"SES-28"}, nil},
	{"ses-no-chal", "refuses without saying how to authenticate", []string{"SES-29", "SES-30"}, nil},
	{"ses-nonce-any", "takes a digest with any nonce", []string{"SES-31", "SEC-05"}, nil},
	{"ses-nonce-constant", "never changes its nonce", []string{"SES-32", "SEC-05"}, nil},
	{"ses-wbxml-xml", "answers WBXML with XML", []string{"SES-33"}, nil},
	{"ses-mixed", "answers every session in the name of the last one", []string{"SES-34"}, nil},
	{"ses-429-bare", "sends 429 without Retry-After", []string{"SES-35"}, nil},
	{"ses-any-version", "takes messages of any version", []string{"SES-39"}, nil},
	{"ses-part-commands", "sends commands before the device sent all of its package", []string{"SES-39"}, nil},
	{"ses-cred-wrong", "shows a credential that is not the provisioned one", []string{"SES-40"}, nil},
	{"ses-results-msgref", "fails at Results without MsgRef", []string{"SES-42"}, nil},
	{"ses-407-401", "answers a credential that is missing with 401", []string{"SES-41"}, nil},

	{"pfn-never", "sets no PFN", []string{"PFN-01"}, nil},
	{"pfn-full-name", "sets the package full name", []string{"PFN-02"}, nil},
	{"pfn-upper-case", "does not lower-case the PFN", []string{"PFN-03"}, nil},
	{"pfn-bad-hash", "sets a PFN whose publisher hash is cut", []string{"PFN-04"}, nil},
	{"pfn-wrong-provider", "addresses the provider MS DM Server", []string{"PFN-05"}, nil},
	{"pfn-provider-plain", "does not URI-encode the ProviderID", []string{"PFN-05"}, nil},
	{"pfn-format-int", "sends the PFN with Format int", []string{"PFN-06"}, nil},
	{"pfn-no-push-node", "does not add Push first", []string{"PFN-07"}, nil},
	{"pfn-atomic", "sends Add and Replace of the PFN in one Atomic", []string{"PFN-08"}, []string{"ERR-01"}},
	{"pfn-channel-never", "never asks for ChannelURI", []string{"PFN-09"}, nil},
	{"pfn-channel-once", "asks for ChannelURI once only", []string{"PFN-10", "CHN-10"}, nil},
	{"pfn-status-never", "never asks for Push/Status", []string{"PFN-11"}, nil},
	{"pfn-every-session", "sets the PFN in every session", []string{"PFN-12"}, []string{"CHN-01", "CHN-03"}},
	{"pfn-per-device", "sets another PFN on every device", []string{"PFN-13"}, nil},
	{"pfn-unenroll-keep", "forgets a device that it unenrolls without a word to it", []string{"PFN-14"}, nil},

	{"chn-keep-first", "keeps the first channel URI for good", []string{"CHN-01", "CHN-02"}, nil},
	{"chn-push-all", "pushes to every channel URI it ever saw", []string{"CHN-02"}, nil},
	{"chn-keep-on-empty", "goes on with the old channel when the device has none", []string{"CHN-03"}, nil},
	{"chn-ignore-status", "pushes whatever Push/Status says", []string{"CHN-04"}, nil},
	{"chn-expired-silent", "asks for nothing more once a channel expired", []string{"CHN-05"}, nil},
	{"chn-expired-no-pfn", "does not set the PFN again when a channel expired", []string{"CHN-11"}, nil},
	{"chn-cut", "keeps 255 characters of a channel URI", []string{"CHN-07"}, nil},
	{"chn-any-uri", "posts to any channel URI", []string{"CHN-08"}, nil},
	{"chn-keep-enrollment", "keeps the channel when a device enrolls again", []string{"CHN-09"}, []string{"ENR-20"}},
	{"chn-global", "keeps one channel for all devices", []string{"CHN-06"}, []string{"WER", "TOK", "PSH"}},

	{"tok-json", "asks for the token with a JSON body", []string{"TOK-01"}, nil},
	{"tok-scope", "asks for the wrong scope", []string{"TOK-02"}, nil},
	{"tok-plain-sid", "does not percent-encode the form", []string{"TOK-03"}, nil},
	{"tok-every-push", "fetches a token for every push", []string{"TOK-04"}, nil},
	{"tok-never-renewed", "fetches a token once and never again", []string{"TOK-05", "WER-01"}, []string{"PSH-01"}},
	{"tok-stampede", "fetches a token in every push that finds none", []string{"TOK-06"}, nil},
	{"tok-storm", "asks again at once and often when it gets no token", []string{"TOK-07", "TOK-08"}, nil},
	{"tok-dead", "never asks again once it got no token", []string{"TOK-07"}, []string{"PSH-01"}},
	{"tok-no-json-dead", "never asks again once an answer could not be read", []string{"TOK-09"}, []string{"PSH-01"}},

	{"wns-put", "sends the notification with PUT", []string{"WNS-01"}, nil},
	{"wns-bearer", "sends the token without Bearer", []string{"WNS-02"}, nil},
	{"wns-content-type", "adds a charset to the Content-Type", []string{"WNS-03"}, nil},
	{"wns-type", "sends no X-WNS-Type", []string{"WNS-04"}, nil},
	{"wns-chunked", "sends the body chunked", []string{"WNS-05"}, nil},
	{"wns-empty", "sends an empty body", []string{"WNS-06"}, nil},
	{"wns-large", "sends 6,000 bytes", []string{"WNS-07"}, nil},
	{"wns-uri", "decodes the channel URI and does not encode it again", []string{"WNS-08"}, []string{"CHN-07"}},
	{"wns-no-cache", "sends no X-WNS-Cache-Policy", []string{"WNS-09", "PSH-05"}, nil},
	{"wns-ttl-zero", "sends X-WNS-TTL: 0", []string{"WNS-10"}, nil},
	{"wns-body-names", "writes device and user into the body", []string{"WNS-11"}, nil},
	{"wns-no-status", "does not ask for X-WNS-DeviceConnectionStatus", []string{"WNS-12"}, nil},
	{"wns-tls-any", "takes any certificate", []string{"WNS-13", "TOK-10"}, nil},
	{"wns-redirect", "follows redirects with its token", []string{"WNS-14"}, nil},
	{"wns-no-reuse", "opens a connection for every notification", []string{"WNS-15"}, nil},

	{"wer-401-stop", "gives up at 401", []string{"WER-01"}, []string{"TOK-05"}},
	{"wer-401-loop", "fetches a token and tries again as long as it gets 401", []string{"WER-02"}, nil},
	{"wer-403-retry", "sends again after 403", []string{"WER-03"}, nil},
	{"wer-404-keep", "goes on with a channel after 404", []string{"WER-04"}, nil},
	{"wer-410-keep", "goes on with a channel after 410", []string{"WER-05"}, nil},
	{"wer-410-no-pfn", "does not set the PFN again after 410", []string{"WER-06"}, nil},
	{"wer-406-now", "ignores Retry-After", []string{"WER-07", "WER-11"}, nil},
	{"wer-406-steady", "tries again every tenth of a second when it is throttled", []string{"WER-08"}, nil},
	{"wer-413-retry", "sends the same again after 413", []string{"WER-09"}, nil},
	{"wer-500-hammer", "repeats at once and often after 500", []string{"WER-10"}, nil},
	{"wer-dropped-done", "takes what was queued for done when WNS dropped the push", []string{"WER-12"}, nil},
	{"wer-throttled-again", "sends at once again when the channel is throttled", []string{"WER-13"}, nil},
	{"wer-reset-hammer", "repeats at once and often when a connection breaks", []string{"WER-14"}, nil},
	{"wer-serial", "sends one notification at a time", []string{"WER-15"}, []string{"PSH", "TOK", "WNS"}},
	{"wer-bad-reply-dead", "never pushes again after an answer that is no HTTP", []string{"WER-16"}, []string{"PSH-01"}},
	{"wer-down-dead", "never pushes again once WNS was down", []string{"WER-17"}, []string{"PSH-01"}},

	{"psh-skip-session", "keeps what was queued back for one session", []string{"PSH-01"}, nil},
	{"psh-twice", "sends every queued command in two sessions", []string{"PSH-02", "PSH-04"}, []string{"ERR-10", "SES-20", "WER-12", "WER-17"}},
	{"psh-empty-404", "answers a session with nothing queued with 404", []string{"PSH-03"}, nil},
	{"psh-forget", "drops what was queued if no session follows the push at once", []string{"PSH-06"}, []string{"WER-12"}},
	{"psh-cut-data", "keeps 1,000 characters of what is queued", []string{"PSH-09"}, nil},
	{"psh-sent-done", "takes what was sent for done", []string{"PSH-13", "ERR-14"}, nil},
	{"psh-exec-replace", "sends Exec commands as Replace", []string{"PSH-07", "PSH-08"}, nil},
	{"psh-wipe-active", "keeps a wiped device active", []string{"PSH-07"}, nil},
	{"psh-scope", "sends ./Device and ./User commands without their scope", []string{"PSH-12"}, nil},
	{"psh-slow", "pushes seconds after it was asked to", []string{"PSH-14"}, nil},
	{"psh-origin", "answers sessions that a push started with 404", []string{"PSH-15"}, nil},

	{"err-push-418", "fails the session when Add of Push answers 418", []string{"ERR-01"}, nil},
	{"err-pfn-418", "leaves it at that when Add of the PFN answers 418", []string{"ERR-02"}, nil},
	{"err-500-forever", "repeats Replace of the PFN as long as it answers 500", []string{"ERR-03"}, nil},
	{"err-500-giveup", "never sets the PFN again once it answered 500", []string{"ERR-17"}, nil},
	{"err-channel-fails", "fails the session when Get of ChannelURI fails", []string{"ERR-06"}, nil},
	{"err-cmd-forever", "sends commands that fail in every session", []string{"ERR-07", "ERR-10"}, nil},
	{"err-215-fails", "fails the session at 214 and 215", []string{"ERR-12"}, nil},
	{"err-599-panics", "crashes at a status it does not know", []string{"ERR-13"}, nil},
	{"err-double-fails", "fails the session when a Status comes twice", []string{"ERR-15"}, nil},
	{"err-results-fail", "fails the session at Results without a Status", []string{"ERR-16"}, []string{"SES-42"}},
	{"err-500-first", "sends nothing else before the PFN is set", []string{"ERR-04"}, nil},
	{"err-delete-404", "fails the session when Delete of Push answers 404", []string{"ERR-05"}, nil},
	{"err-507-fails", "fails the session when an Atomic fails", []string{"ERR-08"}, nil},
	{"err-atomic-nested", "puts an Atomic into an Atomic", []string{"ERR-09"}, nil},
	{"err-empty-cmdref", "fails at a Status with an empty CmdRef", []string{"ERR-11"}, nil},

	{"sec-no-cert", "takes the device's word where no certificate comes", []string{"SEC-01"}, nil},
	{"sec-any-ca", "takes certificates of any issuer", []string{"SEC-02"}, nil},
	{"sec-xxe", "fetches external entities", []string{"SEC-09"}, nil},
	{"sec-name", "fails at a quote in a device's name", []string{"SEC-10"}, nil},
	{"sec-trace", "answers errors with a stack trace", []string{"SEC-15"}, nil},
	{"sec-source", "takes the SyncHdr Source for the identity", []string{"SEC-03"}, nil},
	{"sec-expired", "takes certificates that expired", []string{"SEC-04"}, nil},
	{"sec-unenrolled", "serves a device that left", []string{"SEC-06"}, nil},
	{"sec-jwt-alg", "takes tokens of alg none", []string{"SEC-07"}, nil},
	{"sec-jwt-key", "does not check a token's signature", []string{"SEC-07"}, nil},
	{"sec-jwt-aud", "does not check a token's aud", []string{"SEC-07"}, nil},
	{"sec-jwt-iss", "does not check a token's iss", []string{"SEC-07"}, nil},
	{"sec-jwt-tid", "does not check a token's tenant", []string{"SEC-07"}, nil},
	{"sec-jwt-exp", "takes tokens that expired", []string{"SEC-07"}, nil},
	{"sec-page", "writes login_hint into its page as it comes", []string{"SEC-08"}, nil},
	{"sec-leak", "sends what one device answered to others", []string{"SEC-11"}, nil},
	{"sec-csr", "certifies the name that the CSR asks for", []string{"SEC-12"}, nil},
	{"sec-tls", "speaks TLS 1.0", []string{"SEC-13"}, nil},
	{"sec-signature", "does not check MS-Signature", []string{"SEC-14"}, nil},
	{"sec-401-commands", "sends a command along with a challenge", []string{"SEC-16"}, nil},
	{"sec-garbage", "takes any credential", []string{"SEC-17"}, []string{"SES-31", "SES-41"}},

	{"rob-panic", "crashes on a message it cannot read", []string{"ROB-01"}, nil},
	{"rob-big", "fails with 500 at a message that is too large", []string{"ROB-02"}, nil},
	{"rob-many", "fails with 500 at very many commands", []string{"ROB-03"}, nil},
	{"rob-deep", "fails with 500 at deep nesting", []string{"ROB-04"}, nil},
	{"rob-utf8", "fails with 500 at invalid UTF-8", []string{"ROB-05"}, nil},
	{"rob-msgid", "fails with 500 at a MsgID that is no number", []string{"ROB-06"}, nil},
	{"rob-nosession", "fails with 500 at a message for no session", []string{"ROB-07"}, []string{"SES-34"}},
	{"rob-serial", "reads one message at a time", []string{"ROB-08"}, nil},
	{"rob-wedge", "locks a device out after a message was cut", []string{"ROB-09"}, []string{"ROB-02"}},
	{"rob-crowd", "serves twenty sessions at once and no more", []string{"ROB-10"}, []string{"ENR", "SES", "PFN", "CHN", "PSH", "ERR", "SEC", "WER", "TOK", "WNS"}},
	{"rob-restart", "loses what is queued when it starts again", []string{"ROB-11"}, nil},
	{"rob-skew", "fails at a device whose clock is wrong", []string{"ROB-12"}, nil},
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
