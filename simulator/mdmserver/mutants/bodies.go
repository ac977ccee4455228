package mutants

import (
	"bytes"
	"compress/gzip"
	"net/http"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of the bytes and headers of session messages.
var (
	SesContentType = &Mutant{"ses-content-type", "replies with text/xml", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) { x.ReplyHeader.Set("Content-Type", "text/xml") })
	}}
	SesChunked = &Mutant{"ses-chunked", "sends replies chunked", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) { x.Length = hook.Chunked })
	}}
	SesContentLength = &Mutant{"ses-content-length", "declares more bytes than it sends", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) { x.Length = len(x.Reply) + 16 })
	}}
	SesBye = &Mutant{"ses-bye", "ends a session with a page", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) {
			if x.Ends() {
				x.ReplyHeader.Set("Content-Type", "text/html")
				x.Reply = []byte("<html>bye</html>")
			}
		})
	}}
	SesUnescaped = &Mutant{"ses-unescaped", "does not escape text", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) { x.Replace("&amp;", "&") })
	}}
	SesUnboundPrefix = &Mutant{"ses-unbound-prefix", "uses a prefix that it does not bind", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) { x.Replace("<Cmd>SyncHdr</Cmd>", "<m:Cmd>SyncHdr</m:Cmd>") })
	}}
	SesMsgIDSpelling = &Mutant{"ses-msgid-spelling", "writes MsgId", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) { x.Replace("MsgID>", "MsgId>") })
	}}
	SesGzip = &Mutant{"ses-gzip", "compresses its replies unasked", func(t *tamper) {
		hook.Session(t, compress)
	}}
	EnrGzip = &Mutant{"enr-gzip", "compresses enrollment replies unasked", func(t *tamper) {
		hook.AfterSOAP(t, compress)
	}}
	SesWBXMLXML = &Mutant{"ses-wbxml-xml", "answers WBXML with XML", func(t *tamper) {
		hook.Session(t, func(x *hook.Exchange) {
			if m, err := syncml.ReadWBXML(x.Reply, syncml.Limits{}); err == nil {
				if body, err := syncml.Write(m); err == nil {
					x.ReplyHeader.Set("Content-Type", syncml.MediaType)
					x.Reply = body
				}
			}
		})
	}}
	Ses429Bare = &Mutant{"ses-429-bare", "sends 429 without Retry-After", func(t *tamper) {
		hook.After(t, http.MethodPost, mdmserver.ManagementPath, func(x *hook.Exchange) {
			if x.Status == http.StatusTooManyRequests {
				x.ReplyHeader.Del("Retry-After")
			}
		})
	}}
	SesCompactOnly = &Mutant{"ses-compact-only", "reads compact XML only", func(t *tamper) {
		hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int { return only(bytes.Contains(x.In, []byte(">\n")), http.StatusBadRequest) })
	}}
	SesQueryMode = &Mutant{"ses-query-mode", "answers mode=Machine with 404", func(t *tamper) {
		hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int { return only(x.URL.Query().Get("mode") == "Machine", http.StatusNotFound) })
	}}
	PshOrigin = &Mutant{"psh-origin", "answers sessions that a push started with 404", func(t *tamper) {
		hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int { return only(x.Header.Get("UserAgentOrigin") == "3", http.StatusNotFound) })
	}}
	SecTrace = &Mutant{"sec-trace", "answers errors with a stack trace", func(t *tamper) {
		hook.After(t, http.MethodPost, mdmserver.ManagementPath, func(x *hook.Exchange) {
			if x.Says(http.StatusBadRequest, notSyncML) {
				x.Reply = append(bytes.TrimSpace(x.Reply), "\ngoroutine 1 [running]:\nmain.main()\n\t/srv/mdm/main.go:17\n"...)
			}
		})
	}}
	RobPanic = &Mutant{"rob-panic", "crashes on a message it cannot read", func(t *tamper) {
		hook.After(t, http.MethodPost, mdmserver.ManagementPath, func(x *hook.Exchange) {
			if x.Says(http.StatusBadRequest, notSyncML) {
				panic("mutant rob-panic")
			}
		})
	}}
)

// What the server says of a message that it does not read.
const (
	notSyncML = "the message is not SyncML"
	notRead   = "the message could not be read"
)

var bodies = []*Mutant{
	SesContentType, SesChunked, SesContentLength, SesBye, SesUnescaped, SesUnboundPrefix, SesMsgIDSpelling, SesGzip, EnrGzip, SesWBXMLXML, Ses429Bare,
	SesCompactOnly, SesQueryMode,
}

func compress(x *hook.Exchange) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(x.Reply) //nolint:errcheck // a buffer
	z.Close()        //nolint:errcheck // a buffer
	x.ReplyHeader.Set("Content-Encoding", "gzip")
	x.Reply = b.Bytes()
}
