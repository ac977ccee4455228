package compare

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/smallstep/pkcs7"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// What is skipped: known to differ between any two devices, or between two moments.
const (
	skipMachine  = "values of this machine"
	skipKeys     = "keys, signatures and attestation of a key"
	skipSecrets  = "secrets: redacted in the file"
	skipDigests  = "digests and nonces"
	skipIDs      = "MessageIDs of enrollment messages"
	skipTimes    = "timestamps"
	skipSpace    = "white space between elements"
	skipTracing  = "the base of MS-CV"
	skipGuessed  = "statuses of commands whose node is not in the file: taken from the file"
	skipAbort    = "aborts whose reason is not in the file: played as they were"
	skipRedacted = "answers to commands whose value is redacted in the file"
	skipAlerts   = "alerts that this machine raised"
)

// judge turns the findings in one message into differences.
type judge struct {
	r       *Result
	step    *Step
	where   string
	session *session // nil in an enrollment
	profile string
	skipped map[[2]string]bool
	// refused are the server's commands, by MsgRef/CmdRef, that the two devices
	// answered with different statuses: what else differs follows from that.
	refused map[string]bool
}

func (j *judge) skip(kind string, f *finding) {
	j.r.skip(kind, 1)
	if f != nil {
		j.skipped[[2]string{f.real, f.sim}] = true
	}
}

func (j *judge) add(d Difference) {
	d.Message, d.What = j.step.Number, j.where
	d.Real, d.Simulated = redact.Text(report.Clip(d.Real, 300)), redact.Text(report.Clip(d.Simulated, 300))
	if d.Means == "" {
		d.Means = meaning(&d, j.profile)
	}
	j.r.Differences = append(j.r.Differences, d)
}

// all judges the findings of a message.
func (j *judge) all(found []finding) {
	for i := range found {
		if f := &found[i]; f.what == text && f.is("Status", "Data") && f.real != f.sim {
			j.refused[f.ref()] = true
		}
	}
	for i := range found {
		j.one(&found[i])
	}
}

func (j *judge) one(f *finding) {
	path := f.words()
	switch f.what {
	case text:
		j.text(f, path)
	case missing, extra:
		j.presence(f, path)
	case order:
		j.add(Difference{Kind: KindOrder, Path: path, Real: f.real, Simulated: f.sim, Command: j.command(f)})
	case numbers:
		j.add(Difference{Kind: KindNumbering, Path: path + "/CmdID", Real: f.real, Simulated: f.sim})
	case prefix:
		j.add(Difference{Kind: KindForm, Path: "prefix of elements", Real: f.real, Simulated: f.sim})
	case space, attr:
		j.add(Difference{Kind: KindForm, Path: path, Real: string(f.what) + " " + f.real, Simulated: string(f.what) + " " + f.sim})
	}
}

// text judges an element whose text differs.
func (j *judge) text(f *finding, path string) {
	last := f.last().name
	item := f.within("ContextItem")
	switch {
	case strings.Contains(f.real, hidden):
		j.skip(skipSecrets, f)
	case f.is("Status", "Data"):
		j.status(f, path)
	case f.is("Cred", "Data"), last == "NextNonce":
		j.skip(skipDigests, f)
	case last == "MessageID":
		j.skip(skipIDs, f)
	case last == "Created", last == "Expires":
		j.skip(skipTimes, f)
	case f.under("Signature"):
		j.skip(skipKeys, f)
	case last == "BinarySecurityToken":
		j.token(f, path)
	case item != nil:
		j.context(f, item.attr("Name"))
	case last == "Format":
		j.add(Difference{Kind: KindFormat, Path: path, Real: orNone(f.real), Simulated: orNone(f.sim), Command: j.command(f)})
	case last == "Data" && f.under("Results"), last == "Data" && f.under("Item") && f.under("Alert"):
		j.skip(skipMachine, f)
	case last == "LocURI" && f.under("Results"):
		j.add(Difference{Kind: KindItem, Path: path, Real: f.real, Simulated: f.sim, Command: j.command(f)})
	default:
		j.add(Difference{Kind: KindValue, Path: path, Real: f.real, Simulated: f.sim, Command: j.command(f)})
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// context judges the value of an item of the RST's AdditionalContext.
func (j *judge) context(f *finding, name string) {
	switch name {
	case "AIKPub", "AIKAttestationClaim", "AzureAttestationBlob", "AIKCert", "EmmDeviceId":
		j.skip(skipKeys, f)
	case "UXInitiated", "TargetedUserLoggedIn", "NotInOobe", "MAC":
		j.skip(skipMachine, f) // how the user enrolled it
	default:
		j.add(Difference{Kind: KindValue, Path: "ContextItem " + name, Real: f.real, Simulated: f.sim})
	}
}

// token judges a BinarySecurityToken: a certificate request, or a credential.
func (j *judge) token(f *finding, path string) {
	seen, sim := f.real, f.sim
	kind := f.last().attr("ValueType")
	switch {
	case strings.Contains(kind, "#PKCS7"):
		if seen, sim = signedContent(seen), signedContent(sim); seen == "" {
			j.add(Difference{Kind: KindCSR, Path: path, Real: "not a PKCS#7 message", Simulated: "PKCS#7"})
			return
		}
	case !strings.Contains(kind, "#PKCS10"):
		j.skip(skipKeys, f)
		return
	}
	j.skip(skipKeys, f)
	if a, b := csrDifference(seen, sim); a != b {
		j.add(Difference{Kind: KindCSR, Path: path, Real: a, Simulated: b})
	}
}

// signedContent is what a PKCS#7 message signs, in base64.
func signedContent(s string) string {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return ""
	}
	m, err := pkcs7.Parse(der)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(m.Content)
}

// status judges another status of a command.
func (j *judge) status(f *finding, path string) {
	if c := j.asked(f.ref()); c != nil && secretValue(c) {
		j.skip(skipRedacted, f)
		return
	}
	d := Difference{Kind: KindStatus, Path: path, Real: f.real, Simulated: f.sim, Command: j.command(f)}
	switch {
	case f.sim == "404" && syncml.Success(number(f.real)):
		d.Kind = KindNodeUnknown
	case f.real == "404" && syncml.Success(number(f.sim)):
		d.Kind = KindNodeExtra
	}
	j.add(d)
}

func secretValue(c *syncml.Command) bool {
	for _, it := range c.Items {
		if strings.Contains(it.Data, hidden) {
			return true
		}
	}
	return false
}

// asked is the server's command that a Status or Results answers; nil if unknown.
func (j *judge) asked(ref string) *syncml.Command {
	if j.session == nil {
		return nil
	}
	return j.session.commands[ref]
}

// command names the server's command that a finding is about.
func (j *judge) command(f *finding) string {
	c := j.asked(f.ref())
	if c == nil {
		return ""
	}
	uri := c.Target()
	for _, n := range f.path {
		if n.name == "Status" && n.value("TargetRef") != "" {
			uri = n.value("TargetRef")
		}
		if n.name == "Item" && n.value("Source", "LocURI") != "" {
			uri = n.value("Source", "LocURI")
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s", c.Verb, uri))
}

// presence judges an element that only one of the messages has.
func (j *judge) presence(f *finding, path string) {
	if j.refused[f.ref()] && f.under("Results") {
		return // it follows from the status
	}
	n := f.last()
	d := Difference{Kind: KindElement, Path: path, Real: f.real, Simulated: f.sim, Command: j.command(f)}
	parent := ""
	if len(f.path) > 1 {
		parent = f.path[len(f.path)-2].name
	}
	switch {
	case parent == "SyncBody" && n.name != "Final":
		d.Kind = KindCommand
		for _, k := range n.kids {
			if n.name == "Status" && k.name == "Data" && f.what == missing {
				d.Real = "Status " + k.text
			}
			if n.name == "Status" && k.name == "Data" && f.what == extra {
				d.Simulated = "Status " + k.text
			}
		}
	case n.name == "Item" || n.name == "ContextItem" || n.name == "AuthPolicy":
		d.Kind = KindItem
	case n.name == "Format":
		d.Kind = KindFormat
		if f.what == missing {
			d.Real, d.Simulated = n.text, "none"
		} else {
			d.Real, d.Simulated = "none", n.text
		}
	}
	j.add(d)
}
