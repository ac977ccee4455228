package paste

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// Event is an event of Windows' DeviceManagement-Enterprise-Diagnostics-Provider.
type Event struct {
	ID   int    // 0 if the log does not say
	Time string // as the log writes it
	Text string // its message, in one line
	Line int
	// Failed says that the event tells of a failure.
	Failed bool
	// Of a command that failed (404, 454): its verb in SyncML, its LocURI, and Result
	// as the event has it.
	Verb, LocURI, Result string
}

// said matches the beginning of a message of the provider (the message table of
// dmenterprisediagnostics.dll; Learn names the most frequent).
var said = regexp.MustCompile(`(?:Auto )?MDM (?:Enroll|Unenroll|Session|Push|PushRouter|ConfigurationManager|PolicyManager|ResourceManager|Registration|Diagnostics|Container|Orchestrator|Declared Configuration|Wins Over GP|Evaluator)\b[^:\n]{0,40}:|` +
	`\b(?:SCEP|PFX|First Sync|Phone Reset|MMP-C|DM Container|Dynamic Management|Enrollment Status Tracking|Device Management Account CSP|DMClient Configuration Service Provider|WiFiConfigurationServiceProvider|EnterpriseDesktopAppManagement CSP(?:/ MdmAppInstaller)?|BitLocker CSP|DeviceStatus CSP): `)

var (
	idLine     = regexp.MustCompile(`(?i)^\s*(?:Event ID|Id)\s*:\s*(\d{1,5})\s*$`)
	timeLine   = regexp.MustCompile(`(?i)^\s*(?:Date|TimeCreated|Logged)\s*:\s*(\S.{0,60})$`)
	tableHead  = regexp.MustCompile(`^\s*(\S.*?)?\s*\b(\d{1,5})\s+(?:Error|Warning|Information|Verbose|Critical)?\s*$`)
	csvHead    = regexp.MustCompile(`^"?(?:Error|Warning|Information|Verbose|Critical)"?,"?([^",]+)"?,[^,]*,"?(\d{1,5})"?,[^,]*,"*$`)
	ofCommand  = regexp.MustCompile(`Command Type: \((.*?)\), CSP URI: \((.*)\), Result: \((.*)\)`)
	result     = regexp.MustCompile(`(?i)\b(?:Result|Error code|Failed|status|HRESULT)\s*:?\s*\(((?:[^()]|\([^()]*\))*)\)`)
	sayFailure = regexp.MustCompile(`(?i)\bfail(?:ed|ure)\b|\bServer Returned Fault\b`)
)

// goesOn is the indentation from which a line continues the one before.
const goesOn = 10

// events finds the events in a text: copied from the Event Viewer, printed by
// Get-WinEvent or wevtutil, exported as CSV or XML.
func (l *Log) events(s string) {
	s = l.eventsXML(s)
	list := strings.Split(s, "\n")
	id, at := 0, ""
	for i := 0; i < len(list); i++ {
		line := strings.TrimSuffix(list[i], "\r")
		if strings.IndexByte(line, ':') < 0 {
			continue
		}
		if m := idLine.FindStringSubmatch(line); m != nil {
			id = number(m[1])
			continue
		}
		if m := timeLine.FindStringSubmatch(line); m != nil {
			at = strings.TrimSpace(m[1])
			continue
		}
		var m []int
		if strings.Contains(line, "MDM ") || strings.Contains(line, ": ") {
			m = said.FindStringIndex(line)
		}
		if m == nil {
			continue
		}
		e := Event{ID: id, Time: at, Line: i + 1}
		head := line[:m[0]]
		if k := csvHead.FindStringSubmatch(head); k != nil {
			e.Time, e.ID = k[1], number(k[2])
		} else if k := tableHead.FindStringSubmatch(head); k != nil && len(head) < 200 {
			e.Time, e.ID = strings.TrimSpace(k[1]), number(k[2])
		}
		words := []string{strings.TrimRight(line[m[0]:], `"`)}
		for i+1 < len(list) && indent(list[i+1]) >= goesOn && len(words) < 50 {
			i++
			words = append(words, list[i])
		}
		e.Text = strings.Join(strings.Fields(strings.Join(words, " ")), " ")
		l.event(e)
		id, at = 0, ""
	}
}

// indent is the width of the white space before a line; 0 for an empty line.
func indent(line string) int {
	if strings.TrimSpace(line) == "" {
		return 0
	}
	return len(line) - len(strings.TrimLeft(line, " \t"))
}

func number(s string) int {
	n, _ := strconv.Atoi(s) // the expressions let only digits through
	return n
}

// maxEvents bounds the events of a log.
const maxEvents = 100_000

// event completes an event by its text.
func (l *Log) event(e Event) {
	if len(l.Events) >= maxEvents {
		l.note("more than %d events: the rest is left out", maxEvents)
		return
	}
	e.ID = cmp.Or(e.ID, idOf(e.Text))
	if m := ofCommand.FindStringSubmatch(e.Text); m != nil {
		e.Verb, e.LocURI, e.Result = verbOf(m[1]), m[2], m[3]
	} else if m := result.FindAllStringSubmatch(e.Text, -1); m != nil {
		e.Result = m[len(m)-1][1]
	}
	if code := hresult.FindString(e.Result); code != "" {
		e.Result = strings.ToLower(code)
	}
	e.Failed = sayFailure.MatchString(e.Text) || hresult.MatchString(e.Text)
	l.Events = append(l.Events, e)
}

// verbOf is the SyncML verb of a Command Type: the provider names what its
// configuration manager does.
func verbOf(kind string) string {
	switch word, _, _ := strings.Cut(kind, ":"); strings.TrimSpace(word) {
	case "Add":
		return "Add"
	case "SetValue", "SetProperty":
		return "Replace"
	case "Execute":
		return "Exec"
	case "Clear", "DeleteChild", "Delete", "DeleteProperty":
		return "Delete"
	case "Get", "GetValue":
		return "Get"
	default:
		return strings.TrimSpace(word)
	}
}

// labels are the messages of events whose export has only their values: the words of
// the provider's message table before the first value.
var labels = map[int]string{
	5: "MDM Enroll: Certificate policy request sending failed.", 7: "MDM Enroll: Failed to receive or parse certificate response.",
	9: "MDM Enroll: Certificate enrollment request sending failed.", 11: "MDM Enroll: Failed to receive or parse certificate enroll response.",
	15: "MDM Enroll: Failed to install client certificate.", 26: "MDM Enroll: Certificate renew failed.", 32: "SCEP: Certificate enroll failed.",
	42: "MDM Push: Failed to create WNS Push Channel for MDM Push Sessions.", 44: "MDM Push: Failed to renew WNS Push Channel for MDM Push Sessions.",
	52: "MDM Enroll: Server Returned Fault.", 57: "MDM Enroll: Provisioning failed.", 71: "MDM Enroll: Failed.", 72: "MDM Enroll: Succeeded.",
	200: "MDM Session: OMA-DM message sent.", 201: "MDM Session: OMA-DM message failed to be sent.",
	202: "MDM Session: OMA-DM server message received and parsed successfully.", 203: "MDM Session: OMA-DM server message parsing failed.",
	204: "MDM Session: OMA-DM client failed to connect to the server.", 205: "MDM Session: OMA-DM client started.",
	206: "MDM Session: OMA-DM session started for user.", 207: "MDM Session: Alert sent to server to indicate user login status.",
	208: "MDM Session: OMA-DM session started.", 209: "MDM Session: OMA-DM session ended.", 210: "MDM Session: OMA-DM client stopped.",
	404: "MDM ConfigurationManager: Command failure status.", 454: "MDM ConfigurationManager: Command failure status.",
}

// idOf is the number of an event by its text, if that is known.
func idOf(text string) (found int) {
	longest := 0
	for id, label := range labels {
		if label = strings.TrimSuffix(label, "."); id != 454 && len(label) > longest && strings.HasPrefix(text, label) {
			found, longest = id, len(label)
		}
	}
	return found
}
