// Package syncml reads and writes SyncML 1.2 messages as OMA-DM uses them. It
// knows neither devices nor servers: both sides of a session share these types
// and nothing else.
//
// Sources: OMA SyncML Representation Protocol 1.2.2 (element shapes), OMA DM
// Representation Protocol 1.2.1 (the subset DM allows), MS-MDM 2.2 (what
// Windows sends). The compact output form was seen on a Windows 10 device.
package syncml

import "strconv"

// Namespaces of the two vocabularies in a message.
const (
	Namespace     = "SYNCML:SYNCML1.2"
	MetaNamespace = "syncml:metinf"
	// ExtensionNamespace is the namespace of msft:originalerror (MS-MDM
	// 2.2.4.3).
	ExtensionNamespace = "http://schemas.microsoft.com/MobileDevice/MDM"
)

// Values every DM 1.2 header carries (MS-MDM 2.2.4.2).
const (
	VerDTD   = "1.2"
	VerProto = "DM/1.2"
)

// MediaType is the content type of an XML message.
const MediaType = "application/vnd.syncml.dm+xml"

// Message is one SyncML document.
type Message struct {
	Hdr  SyncHdr
	Body []Command // in document order
	// Final: SyncBody ended with a Final element.
	Final bool
	// FinalCount is the number of Final elements in the body, 0 or 1 in a valid
	// message. Only Read sets it.
	FinalCount int
	// Namespace is the root's namespace, as read.
	Namespace string
	// Extended declares Microsoft's namespace on SyncBody, as devices do with
	// SyncApplicationVersion 3.0 or higher (MS-MDM 2.2.4.3).
	Extended bool
}

// SyncHdr identifies the session, the message and the two parties.
type SyncHdr struct {
	VerDTD, VerProto string
	SessionID        string // opaque, at most four bytes (MS-MDM 2.2.4.2)
	MsgID            string
	Target, Source   Loc
	RespURI          string
	NoResp           bool
	Cred             *Cred
	Meta             *Meta
}

// Loc is a Target or Source: a URI with an optional display name.
type Loc struct{ LocURI, LocName string }

// IsZero reports whether a Target or Source is absent.
func (l Loc) IsZero() bool { return l == Loc{} }

// Verb is the name of an element under SyncBody, Atomic or Sequence.
type Verb string

// The verbs OMA-DM uses.
const (
	Add      Verb = "Add"
	Alert    Verb = "Alert"
	Atomic   Verb = "Atomic"
	Copy     Verb = "Copy"
	Delete   Verb = "Delete"
	Exec     Verb = "Exec"
	Get      Verb = "Get"
	Replace  Verb = "Replace"
	Results  Verb = "Results"
	Sequence Verb = "Sequence"
	Status   Verb = "Status"
)

// Known reports whether DM allows v under SyncBody.
func (v Verb) Known() bool {
	switch v {
	case Add, Alert, Atomic, Copy, Delete, Exec, Get, Replace, Results, Sequence, Status:
		return true
	}
	return false
}

// IsReply reports whether v is a reply to a command. Replies never get a
// Status.
func (v Verb) IsReply() bool { return v == Status || v == Results }

// Command is any element under SyncBody. Which fields a verb uses:
//
//	Add, Replace, Get, Delete, Exec, Copy   CmdID NoResp Cred Meta Items
//	Alert                                   CmdID NoResp Cred Data (the alert code) Items
//	Atomic, Sequence                        CmdID NoResp Meta Commands
//	Status                                  CmdID MsgRef CmdRef Cmd TargetRef SourceRef Cred Chal Data (the code) Items
//	Results                                 CmdID MsgRef CmdRef Meta TargetRef SourceRef Items
//
// Any other element is kept with its name as Verb, so that a receiver can
// answer it with 400 (Learn, "OMA DM protocol support").
type Command struct {
	Verb                 Verb
	CmdID                string
	NoResp               bool
	MsgRef, CmdRef, Cmd  string
	TargetRef, SourceRef []string
	Cred                 *Cred
	Chal                 *Chal
	Meta                 *Meta
	Data                 string
	// OriginalError is the HRESULT behind a failure, in a Status of an Extended
	// message (MS-MDM 2.2.5.1).
	OriginalError string
	Items         []Item
	Commands      []Command
}

// Code is the number in Data of a Status or Alert, 0 if it is not a number.
func (c *Command) Code() int {
	n, err := strconv.Atoi(c.Data)
	if err != nil {
		return 0
	}
	return n
}

// Target is the LocURI of the first item that names one.
func (c *Command) Target() string {
	for i := range c.Items {
		if u := c.Items[i].Target.LocURI; u != "" {
			return u
		}
	}
	return ""
}

// Item carries a node's address, its meta information and its value.
type Item struct {
	Target, Source Loc
	Meta           *Meta
	// Data is the text of the Data element: entities and CDATA sections resolved.
	// If Data held elements, it is everything between its tags, byte for byte.
	Data     string
	HasData  bool // a Data element is present, even if empty
	MoreData bool
}

// Meta is the meta information of a command, item, header or challenge
// (SyncML Meta-Information 1.2). Empty fields are absent.
type Meta struct {
	Type, Format, NextNonce, Size, MaxMsgSize, MaxObjSize, Mark string
}

// Cred authenticates the sender of a message.
type Cred struct {
	Meta *Meta // Format b64; Type syncml:auth-basic or syncml:auth-md5
	Data string
}

// Chal is a challenge: how the receiver has to authenticate.
type Chal struct{ Meta Meta }

// Walk calls f for c and for every command nested in it, in document order.
func (c *Command) Walk(f func(*Command)) {
	f(c)
	for i := range c.Commands {
		c.Commands[i].Walk(f)
	}
}

// Walk calls f for every command of m, nested ones included.
func (m *Message) Walk(f func(*Command)) {
	for i := range m.Body {
		m.Body[i].Walk(f)
	}
}

// HasCommands reports whether the body has anything but Status and Results.
func (m *Message) HasCommands() bool {
	for i := range m.Body {
		if !m.Body[i].Verb.IsReply() {
			return true
		}
	}
	return false
}
