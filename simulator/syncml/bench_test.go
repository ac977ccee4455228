package syncml

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
)

// typical is a server's message of 1.3 KB, as in a first session.
func typical() []byte {
	get := func(id, uri string) string {
		return "<Get><CmdID>" + id + "</CmdID><Item><Target><LocURI>" + uri + "</LocURI></Target></Item></Get>"
	}
	var b strings.Builder
	b.WriteString(`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>` +
		`<Target><LocURI>1E08C6E95D8BB843B1278FF45BC60CC6</LocURI></Target><Source><LocURI>https://mdm.example/ManagementServer/MDM.svc</LocURI></Source></SyncHdr><SyncBody>`)
	for _, ref := range []string{"0", "2", "3", "4"} {
		b.WriteString("<Status><CmdID>" + ref + "1</CmdID><MsgRef>1</MsgRef><CmdRef>" + ref + "</CmdRef><Cmd>Alert</Cmd><Data>200</Data></Status>")
	}
	const push = "./Vendor/MSFT/DMClient/Provider/MDM/Push"
	b.WriteString(`<Replace><CmdID>5</CmdID><Item><Target><LocURI>` + push + `/PFN</LocURI></Target><Meta><Format xmlns="syncml:metinf">chr</Format></Meta><Data>a.b_t6e9vsyjkrw9w</Data></Item></Replace>`)
	b.WriteString(get("6", push+"/ChannelURI") + get("7", push+"/Status") + get("8", "./DevDetail/SwV") + "<Final/></SyncBody></SyncML>")
	return []byte(b.String())
}

// BenchmarkReadRatio compares Read with building the etree document alone, in
// the same run. Aim: a ratio of at most 1.25.
func BenchmarkReadRatio(b *testing.B) {
	raw := typical()
	const n = 3000
	var ratios []float64
	for b.Loop() {
		start := time.Now()
		for range n {
			if err := etree.NewDocument().ReadFromBytes(raw); err != nil {
				b.Fatal(err)
			}
		}
		floor := time.Since(start)
		start = time.Now()
		for range n {
			if _, err := Read(raw); err != nil {
				b.Fatal(err)
			}
		}
		ratios = append(ratios, float64(time.Since(start))/float64(floor))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio(aim<=1.25)")
	b.ReportMetric(float64(len(raw)), "bytes")
}
