package explain

const (
	reppro = "OMA DM RepPro 1.2.1 section 10"
	csp    = `Learn, "DMClient CSP"`
	omadm  = `Learn, "OMA DM protocol support"`
	first  = "the first public reports of this path (seen)"
)

// statuses are the SyncML status codes that devices answer on this path.
var statuses = map[int]Answer{
	200: {Means: "The command succeeded.", Source: reppro},
	202: {Means: "Accepted: the command is still running. Its result comes later as Alert 1226, or must be read with Get.",
		Do: []string{"Acknowledge the Alert; do not send the command again meanwhile."}, Source: reppro + "; " + omadm},
	212: {Means: "The credential is right and valid for the whole session.", Source: reppro},
	213: {Means: "A chunk of a large object arrived; the next may follow.", Source: "OMA SyncML RepPro 1.2.2 section 5.4"},
	214: {Means: "The operation was cancelled.", Source: reppro},
	215: {Means: "Not executed: an earlier command in the Atomic failed, or the user said no.", Do: []string{"Look at the first command of the Atomic that failed."}, Source: reppro},
	216: {Means: "Rolled back together with its Atomic.", Do: []string{"Look for the command in that Atomic that failed; it has a different answer."}, Source: reppro},
	400: {Means: "The command is malformed.",
		Causes: []string{"A LocURI that begins with \"/\", has an empty part, or is not URI-encoded.", "A command without CmdID: its Status has an empty CmdRef.", "An element where the protocol allows none."},
		Do:     []string{"Compare the command, byte for byte, with the description of the CSP."}, Source: omadm},
	401: {Means: "The credential is wrong.", Causes: []string{"A digest made with an old nonce, or with a nonce that was not decoded from base64 first."},
		Do: []string{"Use the NextNonce of the challenge, and send again."}, Source: "OMA DM Security 1.2.1 section 5.3"},
	403: {Means: "The device does not allow it.", Source: reppro},
	404: {Means: "The node does not exist.",
		Causes: []string{"Push was never added, or was removed: then Get of Push/ChannelURI answers 404.", "The ProviderID in the LocURI is not the enrolled one, or is not URI-encoded (\"MS%20DM%20Server\").", "Replace of a node that must be added first."},
		Do:     []string{"Add Push, then the PFN, then ask for ChannelURI."}, Source: "MS-MDM 3.1.5.1.7; " + csp},
	405: {Means: "The node does not allow this command.",
		Causes: []string{"Writing to a read-only node, such as Push/ChannelURI or Push/Status.", "A command for ./User while nobody is logged in (Alert 1224, LoginStatus none)."},
		Do:     []string{"For ./User: hold it back until a session says LoginStatus user."}, Source: reppro + "; " + omadm + "; fleet issue 49250"},
	406: {Means: "An optional feature that the device does not have.", Source: reppro},
	407: {Means: "A credential is missing: the device, or the server, asks for one.", Do: []string{"Answer the challenge (Chal) with Cred, in the same session."}, Source: "OMA DM Security 1.2.1 section 5.3"},
	413: {Means: "The message or object is too large for the device.", Do: []string{"Stay within the MaxMsgSize and MaxObjSize that it sent."}, Source: reppro},
	415: {Means: "The format or type does not fit the node.", Causes: []string{"Format int where the node is bool or chr: the PFN is chr.", "No Format at all."},
		Do: []string{"Do not send the same again; look up the format in the CSP."}, Source: reppro + "; fleet issue 43454"},
	416: {Means: "The size declared in Meta is not the size of the data.", Source: "OMA SyncML RepPro 1.2.2 section 5.4"},
	418: {Means: "Add of a node that already exists.",
		Causes: []string{"Push or Push/PFN is left over from an earlier enrollment, or was set by another management account.", "A Status was lost, so the server sends its Add again."},
		Do: []string{"For Push: go on, you have the node you wanted.", "For the PFN: send Replace, or Get it and compare.",
			"To see it: dmwake device sync --fault pfn-418-500, or dmwake test --only ERR-01,ERR-02."}, Source: "MS-MDM 3.1.5.1.1; " + first},
	420: {Means: "The device is full.", Source: reppro},
	424: {Means: "The size of a large object differs from what was declared.", Source: "OMA SyncML RepPro 1.2.2 section 5.4"},
	425: {Means: "Permission denied: a policy of the device or the rights of the account.", Source: reppro},
	500: {Means: "The command failed. On Push/PFN: the device could not register it.",
		Causes: []string{"The PFN is a package full name (Name_Version_Arch_ResourceId_Hash); the family name is Name_Hash.", "It is not lower-cased (Windows Phone 8.1).",
			"WNS does not know it, or it was revoked.", "Its publisher hash is malformed: it has 13 characters, without i, l, o, u.", "Push was not added before it.",
			"The device's WNS client is offline.", "Get or Atomic inside an Atomic."},
		Do: []string{"Windows 10 and later answer 200 and give the reason in Push/Status: read it (dmwake explain push-status).",
			"Do not repeat it in the same session; try again in a later one.", "To see it: dmwake device sync --fault pfn-418-500, or dmwake test --only ERR-03,ERR-04."}, Source: first + "; which cause gives 500 is a model"},
	505: {Means: "The VerDTD of the message is not supported.", Causes: []string{"VerDTD is not 1.2."}, Source: reppro},
	513: {Means: "The VerProto of the message is not supported.", Causes: []string{"VerProto is not DM/1.2."}, Source: reppro},
	507: {Means: "An Atomic failed; its completed commands were rolled back.", Causes: []string{"Add and Replace of the same node in one Atomic, which is not supported.", "An Atomic inside an Atomic (500 for the inner one)."},
		Do: []string{"Set the PFN with separate commands."}, Source: omadm},
	516: {Means: "An Atomic failed and could not be rolled back: parts of it remain.", Do: []string{"Get the nodes to see their state."}, Source: reppro},
}

// pushStatuses are the values of Push/Status.
var pushStatuses = map[int]Answer{
	0: {Means: "The PFN is registered and a channel was assigned.", Source: csp},
	1: {Means: "The PFN is invalid.", Causes: []string{"A package full name, or a malformed publisher hash."}, Do: []string{"Set the family name, Name_PublisherHash, in lower case."}, Source: csp},
	2: {Means: "The device's authentication with Microsoft is invalid or expired.", Do: []string{"This is the device's problem; wait, and keep polling."}, Source: csp},
	3: {Means: "Registration with the WNS client failed: the PFN is invalid or was revoked.", Causes: []string{"WNS does not know the app."}, Do: []string{"Compare the PFN with the app's in the partner portal; do not push."}, Source: csp},
	4: {Means: "No channel URI is assigned yet.", Causes: []string{"No PFN was set, or the WNS client is offline."}, Do: []string{"Ask again in the next session; keep polling."}, Source: csp},
	5: {Means: "The channel expired: 30 days without a renewal.", Do: []string{"Set the PFN again, in this session or the next."}, Source: csp + "; " + learnPush},
	6: {Means: "The channel could not be revoked.", Source: csp},
	7: {Means: "A push arrived, but no session was possible: power or connectivity.", Do: []string{"Nothing; the device polls."}, Source: csp},
	8: {Means: "Push is not available on this edition (older text: an unknown error).", Do: []string{"Rely on polling for this device."}, Source: csp},
}

// words are codes other than status numbers.
var words = map[string]Answer{
	"0x80070057": {Means: "The device rejected a notification with an empty payload.", Do: []string{"Send at least one byte; its content is ignored."}, Source: "seen on devices"},
	"1200":       {Means: "Alert: a session that the server requested. Real Windows has been seen to send only 1201, even after a push.", Source: "OMA DM Protocol 1.2.1 section 8.5; seen"},
	"1201":       {Means: "Alert: a session that the device started.", Source: "OMA DM Protocol 1.2.1 section 8.5"},
	"1223":       {Means: "Alert: the device aborts the session.", Causes: []string{"A result exceeds the server's MaxMsgSize, and the device does not support large objects (LrgObj false)."}, Do: []string{"Send a larger MaxMsgSize, or ask for less."}, Source: "OMA DM Protocol 1.2.1 section 8.6; seen"},
	"1224":       {Means: "Client Alert: LoginStatus, or the user's token.", Source: omadm},
	"1226":       {Means: "Generic Alert: the user disconnects, or the result of a long-running command.", Do: []string{"Acknowledge it with a Status."}, Source: omadm},
}
