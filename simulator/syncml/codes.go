package syncml

// Status codes (OMA SyncML RepPro 1.2.2 section 10; Learn, "OMA DM protocol
// support"). Only the codes that this path uses.
const (
	OK                = 200
	Accepted          = 202 // the command goes on asynchronously
	AuthAccepted      = 212
	ChunkAccepted     = 213
	OperationCanceled = 214
	NotExecuted       = 215
	RolledBack        = 216
	BadRequest        = 400
	InvalidCredential = 401
	Forbidden         = 403
	NotFound          = 404
	NotAllowed        = 405
	Unsupported       = 406
	MissingCredential = 407
	TooLarge          = 413
	UnsupportedFormat = 415
	SizeRequired      = 416
	AlreadyExists     = 418
	SizeMismatch      = 424
	PermissionDenied  = 425
	CommandFailed     = 500
	DTDNotSupported   = 505 // VerDTD
	AtomicFailed      = 507
	ProtoNotSupported = 513 // VerProto
	RollbackFailed    = 516
)

// Alert codes (OMA DM Protocol 1.2.1 section 8.7; MS-MDM 2.2.7.2).
const (
	AlertServerInitiated = 1200
	AlertClientInitiated = 1201
	AlertNextMessage     = 1222
	AlertSessionAbort    = 1223
	AlertClientEvent     = 1224
	AlertNoEndOfData     = 1225
	AlertGeneric         = 1226
)

var codeText = map[int]string{
	OK:                "the command succeeded",
	Accepted:          "accepted, the result comes later",
	AuthAccepted:      "authenticated for the rest of the session",
	ChunkAccepted:     "chunk accepted, more expected",
	OperationCanceled: "canceled",
	NotExecuted:       "not executed, by the user's or a rule's choice",
	RolledBack:        "rolled back with its Atomic",
	BadRequest:        "malformed",
	InvalidCredential: "credential refused",
	Forbidden:         "forbidden",
	NotFound:          "no such node",
	NotAllowed:        "this operation is not allowed on this node",
	Unsupported:       "optional feature not supported",
	MissingCredential: "credential missing",
	TooLarge:          "the object is too large",
	UnsupportedFormat: "wrong format or type",
	SizeRequired:      "the size of a large object was not declared",
	SizeMismatch:      "the chunks do not add up to the declared size",
	AlreadyExists:     "the node is already there",
	PermissionDenied:  "access control refuses it",
	CommandFailed:     "the command failed on the device",
	DTDNotSupported:   "this VerDTD is not supported",
	ProtoNotSupported: "this VerProto is not supported",
	AtomicFailed:      "the Atomic failed",
	RollbackFailed:    "the Atomic's roll-back failed",
}

// CodeText is a short text for a status code; empty if unknown.
func CodeText(code int) string { return codeText[code] }

// Success reports whether code is in the 2xx class. Unknown codes count by
// their class (OMA SyncML RepPro 1.2.2 section 10).
func Success(code int) bool { return code >= 200 && code < 300 }
