package scenarios

import (
	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// everyMessage are the rules of the envelope. They hold for every message that the
// server sends to any device in the run: first sessions, queued commands, pushed
// sessions, answers to what a device did wrong. Each hears the traffic of all other
// scenarios, and is judged when they have ended.
var everyMessage = []Scenario{
	{ID: "MSG-01", Level: report.Must, Title: "every message is SyncML 1.2", Hears: isSyncML, Run: talk,
		Rule:    "Every message of the run is well-formed, binds its prefixes, and is in the namespace SYNCML:SYNCML1.2, with VerDTD 1.2 and VerProto DM/1.2.",
		Source:  "MS-MDM 2.2.2, 2.2.3.13, 2.2.3.14, 2.2.4.1",
		Fix:     "Write all messages with one XML library, and the same header in all of them, also in errors.",
		Mutants: []*mutants.Mutant{mutants.SesVersion, mutants.MsgVersionLater},
		Under:   []string{"SES-04", "SES-38"}},
	{ID: "MSG-02", Level: report.Must, Title: "every message names session, device and server", Hears: namesSession, Run: talk,
		Rule:    "Every message of the run carries the SessionID that the device chose, in Target what the device sent as Source, and in Source the server.",
		Source:  "MS-MDM 2.2.3.8, 2.2.3.9, 2.2.3.11",
		Fix:     "Copy SessionID and Source from the message that is answered, in every message.",
		Mutants: []*mutants.Mutant{mutants.SesSwapped, mutants.MsgTargetLater},
		Under:   []string{"SES-05", "SES-07", "SES-38"}},
	{ID: "MSG-03", Level: report.Must, Title: "every session is numbered from 1", Hears: isNumbered, Run: talk,
		Rule:    "In every session of the run the server's MsgID starts at 1 and grows by 1.",
		Source:  "MS-MDM 2.2.3.6",
		Fix:     "Count the server's messages in each session from 1, also after a challenge and after the device sent a part.",
		Mutants: []*mutants.Mutant{mutants.SesMsgID, mutants.MsgIDSkips},
		Under:   []string{"SES-06"}},
	{ID: "MSG-04", Level: report.Must, Title: "elements stand in the order of the DTD", Hears: isInOrder, Run: talk,
		Rule:    "In every message of the run the elements stand in the order of the DTD: CmdID first in a command, Meta before Data in an Item, Final once and at the end.",
		Source:  "MS-MDM 2.2.2, 2.2.3.4; OMA SyncML RepPro 1.2.2, DTD",
		Fix:     "Write the fields of each structure in the DTD's order: CmdID, MsgRef, CmdRef, Cmd, TargetRef, SourceRef, Cred, Chal, Meta, Data, Item; in an Item Target, Source, Meta, Data, MoreData.",
		Mutants: []*mutants.Mutant{mutants.MsgDataFirst, mutants.MsgFinalTwice},
		Under:   []string{"SES-13"}},
	{ID: "MSG-05", Level: report.Must, Title: "CmdIDs are unique in every message", Hears: hasCmdIDs, Run: talk,
		Rule:    "In every message of the run every command and Status has a CmdID that is unique in its message and not 0. This includes commands inside an Atomic.",
		Source:  "MS-MDM 2.2.3.2",
		Fix:     "Number all commands of a message from 1 with one counter.",
		Mutants: []*mutants.Mutant{mutants.SesCmdIDRepeated, mutants.SesCmdIDZero, mutants.MsgCmdIDLater},
		Under:   []string{"SES-12"}},
	{ID: "MSG-06", Level: report.Must, Title: "every message begins with the Status for SyncHdr", Hears: answersHeader, Run: talk,
		Rule:    "In every message of the run the first Status answers SyncHdr: CmdRef 0, Cmd SyncHdr, MsgRef of the message that is answered.",
		Source:  "MS-MDM 2.2.3.3, 2.2.3.7, 2.2.6.1",
		Fix:     "Write the Status with CmdRef 0 and Cmd SyncHdr before all others, in every message.",
		Mutants: []*mutants.Mutant{mutants.SesHdrStatusMissing, mutants.SesHdrStatusLast, mutants.SesMsgRef},
		Under:   []string{"SES-08", "SES-11", "SES-37"}},
	{ID: "MSG-07", Level: report.Must, Title: "every command of a device gets one Status", Hears: answersCommandsOnce, Run: talk,
		Rule:    "In every session of the run each command of the device, be it in package 1 or later, gets exactly one Status, or one for each of its Items, with its message's MsgID, its CmdID and its name. No Status answers what was never sent.",
		Source:  "MS-MDM 2.2.6.1, 2.2.3.3, 2.2.3.7",
		Fix:     "Write one Status for each command in the device's message, whatever it is and wherever it stands. An unknown Alert gets one, too.",
		Mutants: []*mutants.Mutant{mutants.SesAlertUnanswered, mutants.SesReplaceUnanswered, mutants.MsgStatusTwiceLater, mutants.MsgItemTwice},
		Under:   []string{"SES-08", "SES-09", "SES-11", "SES-37", "SEC-19"}},
	{ID: "MSG-08", Level: report.Must, Title: "every Status has a code", Hears: hasCodes, Run: talk,
		Rule:    "In every message of the run each Status has Data with a three-digit code.",
		Source:  "MS-MDM 2.2.6.1, 2.2.5.1; OMA DM RepPro 1.2.1 section 10",
		Fix:     "Write the code into Data of every Status.",
		Mutants: []*mutants.Mutant{mutants.MsgStatusEmpty}},
	{ID: "MSG-09", Level: report.Should, Title: "Results get no Status", Hears: leavesResults, Run: talk,
		Rule:    "The device's Results are not answered with a success. OMA DM forbids any Status for Results; the representation protocol allows one that reports an error. A chunk with MoreData may get 213.",
		Source:  "OMA DM Protocol 1.2.1 section 6; OMA DM RepPro 1.2.1 section 6.5.1 (they disagree)",
		Fix:     "Write Statuses only for commands.",
		Mutants: []*mutants.Mutant{mutants.MsgResultsAnswered}},
	{ID: "MSG-10", Level: report.Must, Title: "every command names a node", Hears: namesNodes, Run: talk,
		Rule:    "Every Add, Delete, Exec, Get and Replace of the run has Items with the full LocURI of a node: it begins with a dot, and no name in it is empty or just an asterisk. Exec has one Item.",
		Source:  "MS-MDM 2.2.7.1 to 2.2.7.7; Learn, \"OMA DM protocol support\"; OMA DM Tree and Description 1.2.1 section 7",
		Fix:     "Write LocURIs as ./Device/Vendor/MSFT/..., without a slash at the end. Encode names that have slashes in them.",
		Mutants: []*mutants.Mutant{mutants.MsgURISlash, mutants.MsgURIStar, mutants.MsgNoTarget}},
	{ID: "MSG-11", Level: report.Must, Title: "values have Data and a known format", Hears: carriesData, Run: talk,
		Rule:    "The format of every Add and Replace of the run is one of SyncML's (bin, bool, b64, chr, int, node, null, xml, date, time, float), written in Meta in the namespace syncml:metinf. Where it is neither node nor null, the Item has Data.",
		Source:  "MS-MDM 2.2.5.2; OMA DM Protocol 1.2.1 section 8.4; OMA DM RepPro 1.2.1 section 6.3.2, 6.6.1; Learn, \"OMA DM protocol support\"",
		Fix:     "Write <Meta><Format xmlns=\"syncml:metinf\">chr</Format></Meta> with a format that SyncML knows, and Data also where the value is empty.",
		Mutants: []*mutants.Mutant{mutants.MsgFormatUnknown, mutants.MsgFormatForeign, mutants.MsgNoData}},
	{ID: "MSG-12", Level: report.Must, Title: "only commands of OMA DM are sent", Hears: speaksDM, Run: talk,
		Rule:    "The server sends no Put, Search, Sync or Map, no Cred in a command, and no Atomic inside an Atomic.",
		Source:  "MS-MDM 2.2.7, 3.1.7.1; OMA DM RepPro 1.2.1 section 6.1.6, 6.6, 6.6.3",
		Fix:     "Use Add, Replace, Get, Exec, Delete, Atomic, Sequence and Alert. Give the credential in SyncHdr.",
		Mutants: []*mutants.Mutant{mutants.MsgPut, mutants.MsgCred},
		Under:   []string{"ERR-09"}},
	{ID: "MSG-13", Level: report.Should, Title: "no Get in an Atomic, and no node twice", Hears: keepsAtomics, Run: talk,
		Rule:    "An Atomic has no Get, and no Add and then Replace of one node: Windows supports neither.",
		Source:  "Learn, \"OMA DM protocol support\", Atomic; OMA DM RepPro 1.2.1 section 6.6.3; MS-MDM 2.2.7.3 allows a Get",
		Fix:     "Send Gets after the Atomic, and each node once.",
		Mutants: []*mutants.Mutant{mutants.MsgGetInAtomic, mutants.MsgAtomicSame},
		Under:   []string{"PFN-08", "ERR-09"}},
	{ID: "MSG-14", Level: report.Must, Title: "every reply says that it is SyncML", Hears: declaresSyncML, Run: talk,
		Rule:    "The Content-Type of every reply with a message is application/vnd.syncml.dm+xml or application/vnd.syncml.dm+wbxml.",
		Source:  "MS-MDM 2.1; OMA DM RepPro 1.2.1 section 6.2.1",
		Fix:     "Set the Content-Type where all replies are written.",
		Mutants: []*mutants.Mutant{mutants.SesContentType, mutants.MsgContentTypeLater},
		Under:   []string{"SES-02"}},
	{ID: "MSG-15", Level: report.Must, Title: "a message without Final has something to follow", Hears: endsPackages, Run: talk,
		Rule:    "In every session of the run a message without commands has Final, since nothing follows it. Only the reply to a device's message without Final may lack it. Alert 1223 comes with Final, except in reply to such a message.",
		Source:  "MS-MDM 2.2.3.4; OMA DM Protocol 1.2.1 sections 6 and 8.1",
		Fix:     "Write Final into every message, except for chunks of a large object and Alert 1222.",
		Mutants: []*mutants.Mutant{mutants.SesNoFinal, mutants.SesFinalIdle, mutants.MsgFinalLater, mutants.MsgAbortOpen},
		Under:   []string{"SES-13"}},
	{ID: "MSG-16", Level: report.Must, On: "chunks", Title: "the server's chunks follow each other", Hears: chunksFollow, Run: largeTraffic,
		Rule:    "A large value is sent in chunks with MoreData in all but the last, Size in the first and only there. The chunks come in messages one after the other, without Final before the last and with no other command between them. Their lengths add up to Size. (A server that sends no chunks passes.)",
		Source:  "OMA DM Protocol 1.2.1 section 7",
		Fix:     "Send nothing else until the last chunk. Write Size into the first one and Final beside the last one.",
		Mutants: []*mutants.Mutant{mutants.MsgChunkFinal, mutants.MsgChunkSizes, mutants.MsgChunkBetween, mutants.SesChunkSizeWrong}},
	{ID: "MSG-26", Level: report.Must, On: "md5", Title: "once a credential is accepted, nothing more is asked", Hears: keepsCredential, Run: talk,
		Rule:    "After Status 212 for SyncHdr no message of that session asks for a credential again. All challenges of a session ask for the same type of credential.",
		Source:  dmAuthentication + "; Learn, \"OMA DM protocol support\"",
		Fix:     "Remember in the session that its device has authenticated. To ask for a credential with each message answer 200, not 212.",
		Mutants: []*mutants.Mutant{mutants.SesAskedAgain, mutants.SesChalType},
		Under:   []string{"SES-29"}},
	{ID: "MSG-27", Level: report.Must, Title: "a poll schedule that is set in a session is valid", Hears: setsValidPolls, Run: talk,
		Rule:    "After a session that writes values of Poll each of them is 0 or a positive number, not all six are 0, and not all three counts are 0. A server that sets no schedule in sessions keeps the rule.",
		Source:  "Learn, \"DMClient CSP\", Poll; MS-MDE2 2.2.9.3",
		Fix:     "Write all six values of the schedule together, with one count and one interval above 0.",
		Mutants: []*mutants.Mutant{mutants.MsgPollZero, mutants.MsgPollText}},
	{ID: "MSG-28", Level: report.Should, Title: "a poll schedule that is set in a session is a good one", Hears: setsGoodPolls, Run: talk,
		Rule:    "A session that writes values of Poll adds Poll first on a device that has none (Windows also adds it by itself). The schedule keeps the rules of ENR-35 and ENR-83: it slows down, has one endless set, and that one polls rarely.",
		Source:  "Learn, \"DMClient CSP\", Poll; MS-MDE2 2.2.9.3",
		Fix:     "Send Add of .../Poll, Format node, where the provisioning document has no Poll, and then the schedule that the document would have.",
		Mutants: []*mutants.Mutant{mutants.MsgPollOften, mutants.MsgPollFirstZero, mutants.MsgPollNoNode},
		Under:   []string{"MSG-27"}},
}

// fewSessions is how many sessions a run must have had for rules about every message
// to be judged without traffic of their own.
const fewSessions = 4

// talk makes the traffic of a run that has none: sessions with and without work.
func talk(t *T) {
	if t.Heard() >= fewSessions {
		return
	}
	t.Learned() // else the run would be about the commands of an idle server
	d := t.Enrolled()
	twoSessions(d)
	if t.CanWork() {
		t.Work().Give(d)
		if t.QueueTakes(groupOf(settled)...) {
			queueGroup(d, settled)
		}
		d.Sync(dmclient.SyncOptions{})
	}
	for d.SessionCount() < fewSessions {
		d.Sync(dmclient.SyncOptions{})
	}
}

// judgeable reports whether a pair answers what the device is: the server read the
// message, and did not refuse it.
func judgeable(p *suite.Pair) bool {
	if p.Sent == nil {
		return false
	}
	code := hdrStatus(p.Got).Code()
	return code == 0 || code < 400 && code != 213
}
