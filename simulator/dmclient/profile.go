package dmclient

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/nearest"
)

// Profile is how a Windows version differs on the wire.
type Profile struct {
	Name string

	// Enrollment (MS-MDE2 3.1.4.1.3.1). RequestVersion is the one of Discover; the
	// RST may name a lower one, see Device.Context.
	RequestVersion     string
	DeviceType         string
	OSEdition          string
	OSVersion          string
	ApplicationVersion string
	AuthPolicies       []string
	// Context are the items of the RST's AdditionalContext, in order, but for those
	// that depend on the server.
	Context []string
	// Adapters is how many MAC items the context has; devices that name more send
	// all of theirs.
	Adapters int

	// Sessions.
	UserAgent string
	DmV       string
	Platform  string // DevDetail/Ext/Microsoft/OSPlatform
	// MaxSyncVersion is the highest supported SyncApplicationVersion.
	MaxSyncVersion string

	// Build and Revision decide which nodes exist: 22631 and 2506 of 22631.2506.
	// Revision 0 is a build with all its updates.
	Build, Revision int
	// Phone selects the CSPs of phones instead of desktops.
	Phone bool

	Quirks Quirks
}

// The User-Agents of sessions.
const (
	userAgent   = "MSFT OMA DM Client/1.2.0.1" // [seen on 19043]
	userAgent81 = "Enrollment"                 // Windows 8.1 [documented, MS-MDM appendix B]
)

// WP81 is Windows Phone 8.1, where the push path and its 418 and 500 were
// first reported. MS-MDM is silent about phones. That it has no tracing headers
// and does not know 429, like all desktops of its time, is a [model].
func WP81() Profile {
	return Profile{
		Name: "wp81", RequestVersion: "3.0", DeviceType: "WindowsPhone", OSEdition: "0",
		OSVersion: "8.10.14219.0", ApplicationVersion: "8.10.14219.0", AuthPolicies: []string{"OnPremise", "Federated"},
		Context: contextBefore10, Adapters: 1,
		UserAgent: userAgent, DmV: "8.10.14219.0", Platform: "Windows Phone 8.1", MaxSyncVersion: "1.0", Build: 9651, Phone: true,
		Quirks: Quirks{PFNErrors: true, PFNLowerCase: true, SendsCred: true, NoTracing: true, Ignores429: true},
	}
}

// desktop is the common part of all desktops.
func desktop(name, version, osVersion, platform string, build int) Profile {
	return Profile{
		Name: name, RequestVersion: version, DeviceType: "CIMClient_Windows", OSEdition: "48", OSVersion: osVersion, ApplicationVersion: osVersion,
		AuthPolicies: []string{"OnPremise", "Federated"}, Context: context10, Adapters: 1, UserAgent: userAgent, DmV: "1.3", Platform: platform,
		MaxSyncVersion: "5.0", Build: build, Quirks: Quirks{HTTP2: true, UnenrollCritical: build >= 22000},
	}
}

// Win81 is a Windows 8.1 desktop, which differs from Windows 10 as MS-MDM
// appendix B lists [documented], and stops at white space [seen].
func Win81() Profile {
	p := desktop("win81", "2.0", "6.3.9600.0", "Windows 8.1 Pro", 9600)
	p.MaxSyncVersion, p.UserAgent, p.Context = "1.0", userAgent81, contextBefore10
	p.Quirks = Quirks{NoMode: true, NoTracing: true, Ignores429: true, IgnoresMaxMsgSize: true, SilentOnSpace: true}
	return p
}

// Win10v1511 is Windows 10 1511, whose channel may fail to renew.
func Win10v1511() Profile {
	p := desktop("win10-1511", "3.0", "10.0.10586.0", "Windows 10 Pro", 10586)
	p.MaxSyncVersion, p.Context, p.Quirks.NoTracing, p.Quirks.Ignores429 = "2.0", contextBefore10, true, true
	return p
}

// Win10v22H2 is the last Windows 10. It requests RequestVersion 5.0 since 2023
// (MS-MDE2 appendix B, <20>) [doc]; 19043 of 2021 requested 4.0 [seen].
func Win10v22H2() Profile {
	return desktop("win10-22h2", "5.0", "10.0.19045.4291", "Windows 10 Pro", 19045)
}

// Win11 is a Windows 11 23H2 desktop. It requests RequestVersion 6.0 since
// KB5032288 (MS-MDE2 appendix B, <21>) [doc], as 22621.3155 does [seen].
func Win11() Profile {
	return desktop("win11", "6.0", "10.0.22631.3155", "Windows 11 Pro", 22631)
}

// Win11v24H2 is Windows 11 24H2. Its RequestVersion 6.0 follows from that of 23H2
// [model]; 7.0 came with 26100.3624 (KB5053656) [doc].
func Win11v24H2() Profile {
	return desktop("win11-24h2", "6.0", "10.0.26100.2033", "Windows 11 Pro", 26100)
}

// Win11v25H2 is Windows 11 25H2 of build 26200.9278. It requests RequestVersion
// 9.0, its ApplicationVersion differs from OSVersion, its context names 13
// adapters, and it refuses an enrollment if APPAUTH has no initial nonce [seen].
// MS-MDE2 of 2026-01 ends at 7.0; the capture decides.
func Win11v25H2() Profile {
	p := desktop("win11-25h2", "9.0", "10.0.26200.9278", "Windows 11 Pro", 26200)
	p.ApplicationVersion, p.Context, p.Adapters = "10.0.26200.9279", context25H2, 13
	p.Quirks.NeedsAAuthData = true
	return p
}

// Profiles lists all profiles, oldest first.
func Profiles() []Profile {
	return []Profile{WP81(), Win81(), Win10v1511(), Win10v22H2(), Win11(), Win11v24H2(), Win11v25H2()}
}

// ProfileByName finds a profile; the error names all of them.
func ProfileByName(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, fmt.Errorf("unknown profile %q%s; known profiles: %s", name, nearest.Hint(name, names), strings.Join(names, ", "))
}

// Quirks are behaviours that differ between Windows versions, or that are not
// published. Each can be switched by name.
type Quirks struct {
	// PFNErrors answers the write of a PFN with 500 if the PFN cannot be
	// registered, or if Push is missing. Reports of the time mention 500 on
	// Replace; that it applies to every cause is a [model]. Without it the
	// device answers 200 and gives the reason in Push/Status.
	PFNErrors bool
	// PFNLowerCase refuses a PFN with upper-case letters.
	PFNLowerCase bool
	// CaseSensitive makes node names case-sensitive.
	CaseSensitive bool
	// SendsCred sends the credential in package 1 without a challenge.
	SendsCred bool
	// DemandsCred refuses messages without a server credential, if APPAUTH
	// CLIENT was provisioned.
	DemandsCred bool
	// NeedsAAuthData refuses an enrollment without an initial nonce. It was seen where
	// both APPAUTHs were DIGEST; one that is BASIC is taken without, as the sample of
	// MS-MDE2 2.2.9.1 has it [model].
	NeedsAAuthData bool
	// LargeObjects makes LrgObj true and splits results that exceed the
	// server's MaxMsgSize. Without it such a session is aborted.
	LargeObjects bool
	// Alert1200 opens a session after a push with Alert 1200 in place of 1201.
	Alert1200 bool
	// ResultsCmd names the command in Results.
	ResultsCmd bool
	// NeverRenews keeps the channel until it expires.
	NeverRenews bool
	// HTTP2 uses HTTP/2 with servers that offer it.
	HTTP2 bool
	// SilentPFN accepts the write of a PFN and ignores it.
	SilentPFN bool
	// HWDevIDItem ends the Replace of package 1 with DMClient/HWDevID. One
	// device of build 22621 was seen to; those of 19043 and 26200 were not.
	HWDevIDItem bool
	// UnenrollCritical marks the user's unenrollment critical. Build 26200 was
	// seen to, 19043 was not, and the sample in Learn does not. Between them,
	// Windows 11 does and Windows 10 does not [model].
	UnenrollCritical bool
	// NoMode leaves mode out of the query (MS-MDM appendix B).
	NoMode bool
	// NoTracing sends neither MS-CV nor client-request-id. MS-MDM appendix B
	// says so of all builds up to 21H1 (19043); but 19043 was seen to send both.
	NoTracing bool
	// Ignores429 takes 429 as any other refusal (MS-MDM appendix B: up to 2004).
	Ignores429 bool
	// IgnoresMaxMsgSize ignores the server's MaxMsgSize (MS-MDM appendix B: 8.1
	// and 1507).
	IgnoresMaxMsgSize bool
	// SilentOnSpace ends the session without a word if the server's message has
	// white space between elements (Microsoft's support blog for Windows 8.1,
	// "MDM Enrollment succeeds but SyncML session aborts without errors").
	SilentOnSpace bool
	// StrictCriteria presents a client certificate only if
	// SSLCLIENTCERTSEARCHCRITERIA finds it.
	StrictCriteria bool
	// DeviceBearer takes ForceAadToken 4 as it is written: the device's token is the
	// Bearer token also while there is a user's. Without it that value is what
	// it replaces, AADSendDeviceToken: only if there is no user's token.
	DeviceBearer bool
	// TPMPolicies tells of the TPM in GetPolicies/client. A server's strict schema
	// has these elements; which Windows sends them is unknown.
	TPMPolicies bool
	// AnyPolicy takes areas and policies that the DDF does not have. Without it they are
	// 404, as any node that Windows lacks.
	AnyPolicy bool
	// AnyValue takes values that the DDF excludes. Without it they are 500; that Windows
	// checks each, and with which status, stands nowhere.
	AnyValue bool
	// AtomicRequired refuses commands outside an Atomic where the DDF has AtomicRequired.
	// Learn says must for certificates alone, and shows commands for others without.
	AtomicRequired bool
}

// Strength is how well a behaviour is known.
type Strength string

// The strengths of PROTOCOL facts.
const (
	Documented Strength = "documented"
	Seen       Strength = "seen"
	Model      Strength = "model"
)

// Quirk describes one switch.
type Quirk struct {
	Name     string
	Strength Strength
	Does     string
	field    func(*Quirks) *bool
}

// QuirkList lists all quirks by name.
func QuirkList() []Quirk {
	return []Quirk{
		{"pfn-errors", Model, "answers 500 where a PFN cannot be registered; without it 200, and Push/Status tells", func(q *Quirks) *bool { return &q.PFNErrors }},
		{"pfn-lower-case", Model, "refuses a PFN that is not lower-cased", func(q *Quirks) *bool { return &q.PFNLowerCase }},
		{"case-sensitive", Model, "matches node names by case", func(q *Quirks) *bool { return &q.CaseSensitive }},
		{"sends-cred", Seen, "puts its credential into package 1 unasked", func(q *Quirks) *bool { return &q.SendsCred }},
		{"demands-cred", Model, "challenges a server that does not authenticate itself, where APPAUTH CLIENT was provisioned", func(q *Quirks) *bool { return &q.DemandsCred }},
		{"needs-aauthdata", Seen, "refuses an enrollment with an APPAUTH of type DIGEST that has no AAUTHDATA (0x80070057)", func(q *Quirks) *bool { return &q.NeedsAAuthData }},
		{"large-objects", Documented, "DevDetail/LrgObj is true: a result over MaxMsgSize comes in chunks; without it the session is aborted", func(q *Quirks) *bool { return &q.LargeObjects }},
		{"alert-1200", Model, "opens a session after a push with Alert 1200", func(q *Quirks) *bool { return &q.Alert1200 }},
		{"results-cmd", Documented, "writes Cmd into Results (MS-MDM 2.2.7.8)", func(q *Quirks) *bool { return &q.ResultsCmd }},
		{"never-renews", Documented, "does not renew its channel, as Windows 8, 8.1 and 10 1511 may", func(q *Quirks) *bool { return &q.NeverRenews }},
		{"http2", Seen, "speaks HTTP/2 with servers that offer it", func(q *Quirks) *bool { return &q.HTTP2 }},
		{"silent-pfn", Documented, "takes the PFN and registers nothing, as Windows 10 1511 may hang doing", func(q *Quirks) *bool { return &q.SilentPFN }},
		// Records of devices refer to the list by index: new quirks go last.
		{"hwdevid-item", Seen, "puts DMClient/HWDevID into the Replace of package 1, as one device of build 22621; when Windows does so is unknown", func(q *Quirks) *bool { return &q.HWDevIDItem }},
		{"unenroll-critical", Seen, "marks the alert of a user who disconnects critical, as build 26200; 19043 does not", func(q *Quirks) *bool { return &q.UnenrollCritical }},
		{"no-mode", Documented, "leaves mode out of the query, as Windows 8.1", func(q *Quirks) *bool { return &q.NoMode }},
		{"no-tracing", Documented, "sends neither MS-CV nor client-request-id, as builds before 19043", func(q *Quirks) *bool { return &q.NoTracing }},
		{"ignores-429", Documented, "ends the session at 429 whatever Retry-After says, as builds up to 2004", func(q *Quirks) *bool { return &q.Ignores429 }},
		{"ignores-maxmsgsize", Documented, "sends larger messages than the server's MaxMsgSize, as Windows 8.1", func(q *Quirks) *bool { return &q.IgnoresMaxMsgSize }},
		{"silent-on-space", Seen, "stops without a word at a reply with white space between elements, as Windows 8.1", func(q *Quirks) *bool { return &q.SilentOnSpace }},
		{"strict-criteria", Model, "presents no certificate in sessions if SSLCLIENTCERTSEARCHCRITERIA finds none; without it the certificate of the enrollment", func(q *Quirks) *bool { return &q.StrictCriteria }},
		{"device-bearer", Model, "with ForceAadToken 4 sends the device's token as Bearer even while a user's token is there; without it only in its absence, as AADSendDeviceToken", func(q *Quirks) *bool { return &q.DeviceBearer }},
		{"tpm-policies", Seen, "writes TPMManufacturer and TPMFirmwareVersion into GetPolicies, as the strict schema of Mattrax of October 2024 requires (packages/ms-mde, policy.ts); which Windows does so is unknown", func(q *Quirks) *bool { return &q.TPMPolicies }},
		{"any-policy", Model, "takes areas and policies that the DDF does not have; without it they are 404", func(q *Quirks) *bool { return &q.AnyPolicy }},
		{"any-value", Model, "takes values that the DDF does not allow; without it they are 500", func(q *Quirks) *bool { return &q.AnyValue }},
		{"atomic-required", Model, "refuses commands outside an Atomic (500) where the DDF has AtomicRequired; without it they are executed", func(q *Quirks) *bool { return &q.AtomicRequired }},
	}
}

// SetQuirk switches a quirk by its name: "pfn-errors" on, "-pfn-errors" off.
func (p *Profile) SetQuirk(name string) error {
	on := !strings.HasPrefix(name, "-")
	name = strings.TrimPrefix(name, "-")
	list := QuirkList()
	i := slices.IndexFunc(list, func(q Quirk) bool { return q.Name == name })
	if i < 0 {
		var names []string
		for _, q := range list {
			names = append(names, q.Name)
		}
		return fmt.Errorf("unknown quirk %q; known quirks: %s", name, strings.Join(names, ", "))
	}
	*list[i].field(&p.Quirks) = on
	return nil
}

// Active lists the quirks that are on.
func (q Quirks) Active() (out []string) {
	for _, k := range QuirkList() {
		if *k.field(&q) {
			out = append(out, k.Name)
		}
	}
	return out
}
