package mdmserver

import (
	"fmt"
	"strings"
)

// Mutant is a switch that breaks exactly one rule of the reference server, so
// that the suite can show that it would notice.
type Mutant struct {
	Name string
	Does string // what the server does with it
}

// Mutants are all of them, by area.
var Mutants = []Mutant{
	{"enr-get-404", "answers the discovery GET with 404"},
	{"enr-chunked", "sends enrollment replies chunked, without Content-Length"},
	{"enr-policies-panic", "crashes on GetPolicies"},
	{"enr-relates-to", "puts a constant into RelatesTo"},
	{"enr-url-relative", "advertises relative service URLs"},
	{"enr-strict-csr", "refuses a CSR that a strict parser refuses"},
	{"enr-sha1-only", "refuses a CSR with SHA-256"},
	{"enr-no-eku", "certifies for anything but client authentication"},
	{"enr-no-appsrv", "leaves APPAUTH APPSRV out"},
	{"enr-nonce-plain", "writes AAUTHDATA as it is"},
	{"enr-no-robo", "says nothing of renewal"},
	{"enr-again-refused", "refuses a device that it knows"},
	{"enr-poll-zero", "writes a poll schedule of zeros"},
	{"enr-ca-expired", "has a CA that is over"},
	{"enr-doc-version", "writes no version into the provisioning document"},
	{"enr-wrong-key", "certifies another key than the CSR's"},
	{"enr-wrong-root", "delivers a root that did not issue the certificate"},
	{"enr-no-name", "leaves NAME out of the APPLICATION characteristic"},
	{"enr-password-panic", "crashes on a wrong password"},
	{"enr-password-any", "takes any password"},
	{"enr-serial-constant", "gives every certificate the same serial number"},
	{"enr-token-optional", "lets requests without a security token pass"},
	{"enr-policy-unoffered", "answers an AuthPolicy that the device did not offer"},
	{"enr-no-auth-url", "leaves AuthenticationServiceUrl out"},
	{"enr-appru-fixed", "returns the sign-in to an address of its own"},
	{"enr-policy-lies", "advertises OnPremise and takes no UsernameToken"},
	{"enr-policies-unbound", "uses an unbound prefix in GetPoliciesResponse"},
	{"enr-policies-none", "answers GetPolicies without a policy"},
	{"enr-soap-panic", "crashes on malformed SOAP"},
	{"enr-renew-refused", "renews no certificates"},
	{"enr-pfn-document", "writes the PFN into the provisioning document"},
	{"enr-timestamp-old", "stamps its replies with a time of long ago"},
	{"enr-activity-constant", "gives every reply the same ActivityId"},
	{"enr-action-short", "writes the SOAP Action without its namespace"},
	{"enr-oid-dangling", "refers to a hash algorithm that it does not name"},
	{"enr-policy-schema", "writes policySchema 2"},
	{"enr-soap-strict", "reads SOAP by its first bytes"},
	{"enr-any-key", "takes keys of any length"},
	{"enr-help-404", "names a page that is not there"},
	{"enr-key-length", "asks for keys of 1024 bits"},
	{"enr-stale-session", "goes on with a session that was cut off before the device enrolled again"},
	{"enr-poll-minute", "lets devices poll every minute for good"},
	{"enr-again-mute", "sends nothing of what is queued for a device that enrolled again"},
	{"enr-nonce-same", "gives all devices one nonce and one secret"},

	{"ses-first-500", "answers the first session with 500"},
	{"ses-content-type", "replies with text/xml"},
	{"ses-chunked", "sends replies chunked"},
	{"ses-version", "writes VerDTD 1.1"},
	{"ses-swapped", "swaps Target and Source"},
	{"ses-msgref", "answers message 1 every time"},
	{"ses-bye", "ends a session with a page"},
	{"ses-id-decimal", "takes decimal SessionIDs only"},
	{"ses-404-stalls", "sends nothing more once a command answered 404"},
	{"ses-user-always", "asks for a node of ./User in every session"},
	{"ses-405-loop", "sends what answered 405 again in the same session"},
	{"ses-compact-only", "reads compact XML only"},
	{"ses-unknown-alert", "fails the session at an Alert it does not know"},
	{"ses-unenroll-404", "answers the Alert of unenrollment with 404"},
	{"ses-abort-wedge", "locks a device out that aborted a session"},
	{"ses-session-id", "replies with SessionID 1, whatever the device's is"},
	{"ses-msg-id", "replies with MsgID 1 every time"},
	{"ses-hdr-status-missing", "sends no Status for SyncHdr"},
	{"ses-hdr-status-last", "sends the Status for SyncHdr after the others"},
	{"ses-cmdref-fixed", "answers CmdRef 2, 3, 4, whatever the device numbered"},
	{"ses-alert-unanswered", "sends no Status for Alerts"},
	{"ses-status-order", "sends its Statuses in reverse"},
	{"ses-cmdid-repeated", "uses one CmdID twice"},
	{"ses-cmdid-zero", "numbers its commands from 0"},
	{"ses-no-final", "never sends Final"},
	{"ses-endless", "sends one more Get in every message"},
	{"ses-zero-refused", "refuses SessionID 0"},
	{"ses-content-length", "declares more bytes than it sends"},
	{"ses-extra-status", "answers a command the device never sent"},
	{"ses-unbound-prefix", "uses a prefix it does not bind"},
	{"ses-unescaped", "does not escape text"},
	{"ses-chunk-refused", "fails at Results that come in parts"},
	{"ses-first-status", "reads the first Status of a message only"},
	{"ses-202-fails", "fails the session at 202"},
	{"ses-202-again", "sends what was answered 202 again"},
	{"ses-1226-fails", "fails at the Alert with the result of an installation"},
	{"ses-max-size", "ignores the device's MaxMsgSize"},
	{"ses-gzip", "compresses its replies unasked"},
	{"ses-query-mode", "answers mode=Machine with 404"},
	{"ses-no-chal", "refuses without saying how to authenticate"},
	{"ses-nonce-any", "takes a digest with any nonce"},
	{"ses-nonce-constant", "never changes its nonce"},
	{"ses-wbxml-xml", "answers WBXML with XML"},
	{"ses-mixed", "answers every session in the name of the last one"},
	{"ses-429-bare", "sends 429 without Retry-After"},
	{"ses-any-version", "takes messages of any version"},
	{"ses-part-commands", "sends commands before the device sent all of its package"},
	{"ses-cred-wrong", "shows a credential that is not the provisioned one"},
	{"ses-results-msgref", "fails at Results without MsgRef"},
	{"ses-407-401", "answers a credential that is missing with 401"},
	{"ses-msgid-spelling", "writes MsgId"},
	{"ses-msgid-copied", "copies the device's MsgID"},
	{"ses-no-status", "sends no Status at all"},
	{"ses-replace-unanswered", "sends no Status for Replace"},
	{"ses-unknown-silent", "sends no Status for Alerts of unknown types"},
	{"ses-alert-cmd", "answers Alerts as if they were Replace"},
	{"ses-results-cmd", "answers Results as if they were Replace"},
	{"ses-final-idle", "leaves Final out of messages without commands"},
	{"ses-abort-commands", "sends a command to a device that aborted the session"},
	{"ses-id-escaped", "keeps the device's id as it stands in XML"},
	{"ses-nonce-kept", "changes its nonce only when it challenges"},

	{"pfn-never", "sets no PFN"},
	{"pfn-full-name", "sets the package full name"},
	{"pfn-upper-case", "does not lower-case the PFN"},
	{"pfn-bad-hash", "sets a PFN whose publisher hash is cut"},
	{"pfn-wrong-provider", "addresses the provider MS DM Server"},
	{"pfn-provider-plain", "does not URI-encode the ProviderID"},
	{"pfn-format-int", "sends the PFN with Format int"},
	{"pfn-no-push-node", "does not add Push first"},
	{"pfn-atomic", "sends Add and Replace of the PFN in one Atomic"},
	{"pfn-channel-never", "never asks for ChannelURI"},
	{"pfn-channel-once", "asks for ChannelURI once only"},
	{"pfn-status-never", "never asks for Push/Status"},
	{"pfn-every-session", "sets the PFN in every session"},
	{"pfn-per-device", "sets another PFN on every device"},
	{"pfn-unenroll-keep", "forgets a device that it unenrolls without a word to it"},

	{"chn-keep-first", "keeps the first channel URI for good"},
	{"chn-push-all", "pushes to every channel URI it ever saw"},
	{"chn-keep-on-empty", "goes on with the old channel when the device has none"},
	{"chn-ignore-status", "pushes whatever Push/Status says"},
	{"chn-empty-silent", "asks for nothing more once a device has no channel"},
	{"chn-expired-silent", "asks for nothing more once a channel expired"},
	{"chn-expired-no-pfn", "does not set the PFN again when a channel expired"},
	{"chn-cut", "keeps 255 characters of a channel URI"},
	{"chn-any-uri", "posts to any channel URI"},
	{"chn-uri-text", "takes any https URI with the name of the push service in it"},
	{"chn-keep-enrollment", "keeps the channel when a device enrolls again"},
	{"chn-global", "keeps one channel for all devices"},

	{"tok-json", "asks for the token with a JSON body"},
	{"tok-scope", "asks for the wrong scope"},
	{"tok-plain-sid", "does not percent-encode the form"},
	{"tok-every-push", "fetches a token for every push"},
	{"tok-never-renewed", "fetches a token once and never again"},
	{"tok-stampede", "fetches a token in every push that finds none"},
	{"tok-storm", "asks again at once and often when it gets no token"},
	{"tok-dead", "never asks again once it got no token"},
	{"tok-no-json-dead", "never asks again once an answer could not be read"},

	{"wns-put", "sends the notification with PUT"},
	{"wns-bearer", "sends the token without Bearer"},
	{"wns-token-spoilt", "sends the token with one character less"},
	{"wns-content-type", "adds a charset to the Content-Type"},
	{"wns-type", "sends no X-WNS-Type"},
	{"wns-chunked", "sends the body chunked"},
	{"wns-empty", "sends an empty body"},
	{"wns-large", "sends 6,000 bytes"},
	{"wns-uri", "decodes the channel URI and does not encode it again"},
	{"wns-no-cache", "sends no X-WNS-Cache-Policy"},
	{"wns-ttl-zero", "sends X-WNS-TTL: 0"},
	{"wns-body-names", "writes device and user into the body"},
	{"wns-no-status", "does not ask for X-WNS-DeviceConnectionStatus"},
	{"wns-tls-any", "takes any certificate"},
	{"wns-redirect", "follows redirects with its token"},
	{"wns-header-twice", "sends X-WNS-Type twice"},
	{"wns-no-reuse", "opens a connection for every notification"},

	{"wer-401-stop", "gives up at 401"},
	{"wer-401-loop", "fetches a token and tries again as long as it gets 401"},
	{"wer-403-retry", "sends again after 403"},
	{"wer-404-keep", "goes on with a channel after 404"},
	{"wer-410-keep", "goes on with a channel after 410"},
	{"wer-410-no-pfn", "does not set the PFN again after 410"},
	{"wer-406-now", "ignores Retry-After"},
	{"wer-406-steady", "tries again every tenth of a second when it is throttled"},
	{"wer-413-retry", "sends the same again after 413"},
	{"wer-500-hammer", "repeats at once and often after 500"},
	{"wer-dropped-done", "takes what was queued for done when WNS dropped the push"},
	{"wer-throttled-again", "sends at once again when the channel is throttled"},
	{"wer-reset-hammer", "repeats at once and often when a connection breaks"},
	{"wer-serial", "sends one notification at a time"},
	{"wer-bad-reply-dead", "never pushes again after an answer that is no HTTP"},
	{"wer-down-dead", "never pushes again once WNS was down"},

	{"psh-never", "takes the order to push and does not"},
	{"psh-skip-session", "keeps what was queued back for one session"},
	{"psh-twice", "sends every queued command in two sessions"},
	{"psh-empty-404", "answers a session with nothing queued with 404"},
	{"psh-forget", "drops what was queued if no session follows the push at once"},
	{"psh-cut-data", "keeps 1,000 characters of what is queued"},
	{"psh-sent-done", "takes what was sent for done"},
	{"psh-exec-replace", "sends Exec commands as Replace"},
	{"psh-wipe-active", "keeps a wiped device active"},
	{"psh-scope", "sends ./Device and ./User commands without their scope"},
	{"psh-slow", "pushes seconds after it was asked to"},
	{"psh-origin", "answers sessions that a push started with 404"},

	{"err-push-418", "fails the session when Add of Push answers 418"},
	{"err-pfn-418", "leaves it at that when Add of the PFN answers 418"},
	{"err-500-forever", "repeats Replace of the PFN as long as it answers 500"},
	{"err-500-giveup", "never sets the PFN again once it answered 500"},
	{"err-channel-fails", "fails the session when Get of ChannelURI fails"},
	{"err-channel-loop", "asks for ChannelURI again in the same session as long as it fails"},
	{"err-cmd-forever", "sends commands that fail in every session"},
	{"err-215-fails", "fails the session at 214 and 215"},
	{"err-599-panics", "crashes at a status it does not know"},
	{"err-double-fails", "fails the session when a Status comes twice"},
	{"err-results-fail", "fails the session at Results without a Status"},
	{"err-500-first", "sends nothing else before the PFN is set"},
	{"err-delete-404", "fails the session when Delete of Push answers 404"},
	{"err-507-fails", "fails the session when an Atomic fails"},
	{"err-atomic-nested", "puts an Atomic into an Atomic"},
	{"err-empty-cmdref", "fails at a Status with an empty CmdRef"},

	{"sec-no-cert", "takes the device's word where no certificate comes"},
	{"sec-any-ca", "takes certificates of any issuer"},
	{"sec-xxe", "fetches external entities"},
	{"sec-challenge-any", "challenges the first message, then serves anyone"},
	{"sec-doctype-dies", "holds no session with a device any more that sent a DOCTYPE"},
	{"sec-name", "fails at a quote in a device's name"},
	{"sec-trace", "answers errors with a stack trace"},
	{"sec-source", "takes the SyncHdr Source for the identity"},
	{"sec-expired", "takes certificates that expired"},
	{"sec-unenrolled", "serves a device that left"},
	{"sec-jwt-alg", "takes tokens of alg none"},
	{"sec-jwt-key", "does not check a token's signature"},
	{"sec-jwt-aud", "does not check a token's aud"},
	{"sec-jwt-iss", "does not check a token's iss"},
	{"sec-jwt-tid", "does not check a token's tenant"},
	{"sec-jwt-exp", "takes tokens that expired"},
	{"sec-page", "writes login_hint into its page as it comes"},
	{"sec-leak", "sends what one device answered to others"},
	{"sec-csr", "certifies the name that the CSR asks for"},
	{"sec-tls", "speaks TLS 1.0"},
	{"sec-rc4", "takes RC4"},
	{"sec-signature", "does not check MS-Signature"},
	{"sec-401-commands", "sends a command along with a challenge"},
	{"sec-garbage", "takes any credential"},

	{"rob-panic", "crashes on a message it cannot read"},
	{"rob-big", "fails with 500 at a message that is too large"},
	{"rob-many", "fails with 500 at very many commands"},
	{"rob-deep", "fails with 500 at deep nesting"},
	{"rob-utf8", "fails with 500 at invalid UTF-8"},
	{"rob-msgid", "fails with 500 at a MsgID that is no number"},
	{"rob-nosession", "fails with 500 at a message for no session"},
	{"rob-serial", "reads one message at a time"},
	{"rob-wedge", "locks a device out after a message was cut"},
	{"rob-crowd", "serves twenty sessions at once and no more"},
	{"rob-restart", "loses what is queued when it starts again"},
	{"rob-skew", "fails at a device whose clock is wrong"},
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
