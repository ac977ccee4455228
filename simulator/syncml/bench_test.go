//go:build unix

package syncml

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"syscall"
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

// cpu is what this process has taken so far. On a shared machine its ratios hold,
// those of the clock do not.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReadRatio compares the CPU time of reading a message with building the etree document
// alone, in the same run: on the short way, which reads lawful messages, and by
// etree, which takes all. Aims: ratios of at most 0.25 and 1.25. Writing it is
// compared with building the etree document and writing that.
func BenchmarkReadRatio(b *testing.B) {
	raw := typical()
	m, err := Read(raw)
	if err != nil {
		b.Fatal(err)
	}
	limits := Limits{}.withDefaults()
	if _, ok := quick(raw, limits); !ok {
		b.Fatal("the message is not taken by the short way")
	}
	const n = 3000
	timed := func(f func() error) float64 {
		start := cpu()
		for range n {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		return float64(cpu() - start)
	}
	var short, long, write []float64
	for b.Loop() {
		floor := timed(func() error { return etree.NewDocument().ReadFromBytes(raw) })
		short = append(short, timed(func() error { _, err := Read(raw); return err })/floor)
		long = append(long, timed(func() error {
			nodes, err := byEtree(raw, limits)
			if err != nil {
				return err
			}
			_, err = read(&nodes[0], limits)
			giveNodes(nodes)
			return err
		})/floor)
		floor = timed(func() error { _, err := document(m).WriteToBytes(); return err })
		write = append(write, timed(func() error { _, err := Write(m); return err })/floor)
	}
	for name, list := range map[string][]float64{"read/etree(aim<=0.25)": short, "read-by-etree/etree(aim<=1.25)": long, "write/etree": write} {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], name)
	}
	b.ReportMetric(float64(len(raw)), "bytes")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkReadGrowth prints for each shape the milliseconds of CPU time for 1 MB,
// and the exponent by which time grows with the document: 1 is linear, 2 is
// quadratic.
func BenchmarkReadGrowth(b *testing.B) {
	for _, s := range shapes {
		b.Run(s.name, func(b *testing.B) {
			best := map[string]*[2]float64{}
			for b.Loop() {
				for _, w := range ways {
					if best[w.name] == nil {
						best[w.name] = &[2]float64{math.Inf(1), math.Inf(1)}
					}
					for k, n := range []int{DefaultBytes / 2, DefaultBytes} {
						doc := s.message(n, w.odd)
						runtime.GC()
						start := cpu()
						if err := w.do(doc); err != nil {
							b.Fatal(err)
						}
						best[w.name][k] = min(best[w.name][k], float64(cpu()-start))
					}
				}
			}
			for name, t := range best {
				b.ReportMetric(t[1]/1e6, name+"-ms")
				b.ReportMetric(math.Log2(t[1]/t[0]), name+"-exponent(aim~1)")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
