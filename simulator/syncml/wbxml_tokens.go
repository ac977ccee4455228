package syncml

// MediaTypeWBXML is the content type of a binary message.
const MediaTypeWBXML = "application/vnd.syncml.dm+wbxml"

// Global tokens of WBXML 1.3 (WAP-192-WBXML section 7.1).
const (
	wbSwitchPage = 0x00
	wbEnd        = 0x01
	wbEntity     = 0x02
	wbStrI       = 0x03
	wbLiteral    = 0x04
	wbExtI0      = 0x40
	wbPI         = 0x43
	wbLiteralC   = 0x44
	wbExtT0      = 0x80
	wbStrT       = 0x83
	wbLiteralA   = 0x84
	wbExt0       = 0xc0
	wbOpaque     = 0xc3
	wbLiteralAC  = 0xc4

	wbContent    = 0x40 // bit of a tag: content follows
	wbAttributes = 0x80 // bit of a tag: attributes follow
)

const (
	wbVersion  = 0x03   // 1.3
	wbCharset  = 0x6a   // UTF-8, by its MIBenum
	wbPublicID = 0x1201 // -//SYNCML//DTD SyncML 1.2//EN
)

// wbPublicName is the public identifier as text, for encoders without a number
// for it.
const wbPublicName = "-//SYNCML//DTD SyncML 1.2//EN"

const (
	pageSyncML = 0
	pageMeta   = 1
	firstTag   = 0x05
)

// codePages are the tag names from token 5 on (OMA SyncML RepPro 1.2.2 section
// 8.1 and OMA SyncML MetaInfo 1.2.2 section 6).
var codePages = [2][]string{
	pageSyncML: {
		"Add", "Alert", "Archive", "Atomic", "Chal", "Cmd", "CmdID", "CmdRef", "Copy", "Cred", "Data", "Delete", "Exec", "Final",
		"Get", "Item", "Lang", "LocName", "LocURI", "Map", "MapItem", "Meta", "MsgID", "MsgRef", "NoResp", "NoResults", "Put",
		"Replace", "RespURI", "Results", "Search", "Sequence", "SessionID", "SftDel", "Source", "SourceRef", "Status", "Sync",
		"SyncBody", "SyncHdr", "SyncML", "Target", "TargetRef", "Reserved", "VerDTD", "VerProto", "NumberOfChanges", "MoreData",
		"Field", "Filter", "Record", "FilterType", "SourceParent", "TargetParent", "Move", "Correlator",
	},
	pageMeta: {
		"Anchor", "EMI", "Format", "FreeID", "FreeMem", "Last", "Mark", "MaxMsgSize", "Mem", "MetInf", "Next", "NextNonce",
		"SharedMem", "Size", "Type", "Version", "MaxObjSize", "FieldLevel",
	},
}

// tokens are the same by name.
var tokens = func() (t [2]map[string]byte) {
	for page, names := range codePages {
		t[page] = make(map[string]byte, len(names))
		for i, n := range names {
			t[page][n] = byte(firstTag + i)
		}
	}
	return t
}()
