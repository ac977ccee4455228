package mdmserver

import (
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Device is what the server knows of one device.
type Device struct {
	ID   string
	Name string
	OS   string
	Type string
	// EnrollmentType is Full, of a user, or Device.
	EnrollmentType string
	Enrolled       time.Time
	Active         bool
	// Directory is the device's id in the directory whose token enrolled it.
	Directory string
	// Login is the last LoginStatus: user, others or none. User is who the
	// directory's token of that session named.
	Login, User string
	Push        PushState
	Commands    []*Command
	Auth        Credentials
	Session     *Session // the last one
	Sessions    int      // how many it opened

	opened  []time.Time // the last sessions, for Config.SessionRate
	leaving bool        // the server unenrolls it in its next session
	lrgObj  int         // whether it takes chunks: lrgObjUnknown, lrgObjTrue, lrgObjFalse
	page    pageState
	link    linkState // of the primary enrollment
	// declared is what the device told of its documents, by their id.
	declared map[string]*declared
}

// Command is one piece of work for a device.
type Command struct {
	ID     string      `json:"id"`
	Verb   syncml.Verb `json:"verb"`
	LocURI string      `json:"locURI"`
	Format string      `json:"format,omitempty"`
	Data   string      `json:"data,omitempty"`
	State  string      `json:"state"` // StateQueued, StateSent or StateDone
	Status int         `json:"status,omitempty"`
	Result string      `json:"result,omitempty"`
}

// States of a Command.
const (
	StateQueued = "queued"
	StateSent   = "sent"
	StateDone   = "done"
)

// IsWipe tells whether the command resets the device (Learn, "RemoteWipe CSP").
func (c *Command) IsWipe() bool {
	return c.Verb == syncml.Exec && strings.Contains(strings.ToLower(c.LocURI), "/remotewipe/dowipe")
}

// store is where the device keeps its certificate, below CertificateStore/My
// (Learn, "Microsoft Entra integration with MDM").
func (d *Device) store() string {
	if d.EnrollmentType == "Device" {
		return "System"
	}
	return "User"
}

// pending are the commands that wait to be sent.
func (d *Device) pending() (out []*Command) {
	for _, c := range d.Commands {
		if c.State == StateQueued {
			out = append(out, c)
		}
	}
	return out
}

// PushState is how far a device is on the push path.
type PushState struct {
	PFNSet   bool   `json:"pfnSet"`
	Reset    bool   `json:"reset"`    // set the PFN again: WNS said 410, or the device that its channel expired
	Failures int    `json:"failures"` // of setting the PFN, in a row
	Code     int    `json:"code"`     // the last status of setting it
	URI      string `json:"-"`
	Status   int    `json:"status"` // Push/Status
	Last     string `json:"last"`   // the outcome of the last push
}

// canWake tells whether the device has a channel that works: values 1 to 5 of
// Push/Status say that it has none (Learn, "DMClient CSP": Push/Status).
func (p *PushState) canWake() bool { return p.URI != "" && (p.Status == 0 || p.Status >= 6) }

// Session is one OMA-DM session.
type Session struct {
	ID string
	// Planned tells that the server sent the commands of the push path.
	Planned bool
	// Replace sets the PFN by Replace in the next message.
	Replace bool
	// Over tells that the last message was final and had no commands.
	Over bool

	msgID      int // of the last message the server sent
	sent       map[string]*Sent
	admitted   bool // the device's credential was right
	trusted    bool // the device accepted the server's
	distrusted int
	object     *object // the result that arrives in chunks
	offset     int     // in the command that is sent in chunks
	room       int     // the device's MaxMsgSize, 0 if it has none
	objectRoom int     // its MaxObjSize, 0 if it has none

	askedLrgObj bool
}

// Sent is a command of the server that waits for its Status.
type Sent struct {
	Purpose Purpose
	Command *Command // of ForCommand and ForChunk
	// Document is the id of a document, of ForDocument and the purposes after it.
	Document string
}

// Purpose is why the server sent a command.
type Purpose int

// The purposes.
const (
	ForCommand        Purpose = iota // it was queued
	ForPush                          // a step of the push path without a result
	ForAddPFN                        // Add of Push/PFN
	ForReplacePFN                    // Replace of Push/PFN
	ForChannel                       // Get of Push/ChannelURI
	ForStatus                        // Get of Push/Status
	ForAlert                         // Alert 1222
	ForChunk                         // one of the chunks of a queued command
	ForAtomic                        // the Atomic around queued commands
	ForUnenroll                      // Exec of DMClient/Unenroll
	ForLrgObj                        // Get of DevDetail/LrgObj
	ForPage                          // a step of the Enrollment Status Page without a result
	ForPageSetUp                     // the last command that sets it up
	ForPageFinished                  // ServerHasFinishedProvisioning of the device
	ForPageUser                      // and of the user
	ForLinkEndpoint                  // DiscoveryEndpoint of the linked enrollment
	ForLink                          // Exec of LinkedEnrollment/Enroll
	ForLinkStatus                    // Get of EnrollStatus
	ForLinkError                     // Get of LastError
	ForDocument                      // a document of a linked enrollment
	ForDocumentResult                // Get of its result
)

func key(msgRef, cmdRef string) string { return msgRef + "/" + cmdRef }
