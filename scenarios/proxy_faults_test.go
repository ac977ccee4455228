package scenarios

import (
	"bytes"
	"compress/gzip"
	"encoding/asn1"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// proxyFaults are what a proxy may break, and what the suite says of it: the ids of
// the scenarios that fail or warn, each with a part of what it saw.
var proxyFaults = []struct {
	name string
	proxy
	want map[string]string
}{
	{"criteria absent", edit(written(func(root *etree.Element) { remove(parm(root, searchCriteria)) })), map[string]string{"ENR-110": "none"}},
	{"criteria of another subject", edit(parmValue(searchCriteria, "Subject=CN%3Dsomebody%20else&Stores=My%5CUser")), map[string]string{"ENR-37": "CN=somebody else"}},
	{"criteria of another store", edit(parmValue(searchCriteria, "My%5CUser", "My%5CSystem")), map[string]string{"ENR-37": `My\System`}},
	{"criteria escaped twice", edit(parmValue(searchCriteria, "%", "%25")), map[string]string{"ENR-37": "CN%3D"}},
	{"criteria not escaped", edit(parmValue(searchCriteria, "%3D", "=", "%5C", `\`)), map[string]string{"ENR-37": "CN="}},
	{"criteria with an entity too much", edit(parmValue(searchCriteria, "%3D", "&#61;")), map[string]string{"ENR-37": "#61;"}},
	{"a wrong thumbprint", edit(thumbprint(func(string) string { return strings.Repeat("A", 40) })), map[string]string{"ENR-38": strings.Repeat("A", 40)}},
	{"a thumbprint of SHA-256", edit(thumbprint(func(s string) string { return s + s[:24] })), map[string]string{"ENR-38": ""}},
	{"RenewPeriod above the certificate's life", edit(parmValue("RenewPeriod", "60", "400")), map[string]string{"ENR-81": "400"}},
	{"no nonces", edit(inDocument(`<parm name="AAUTHDATA"[^>]*>`, "")), map[string]string{"ENR-34": "none"}},
	{"a document in base64 twice", edit(document(func(raw []byte) []byte { return []byte(base64Of(raw)) })), map[string]string{"ENR-11": "", "ENR-36": ""}},
	{"faults under HTTP 200", edit(func(x *relayed) {
		if x.StatusCode == http.StatusInternalServerError {
			x.StatusCode = http.StatusOK
		}
	}), map[string]string{"ENR-59": "HTTP 200 with a fault, for which Windows shows 0x801900c8"}},
	{"text/html", edit(header("Content-Type", "text/html")), map[string]string{"ENR-02": "text/html", "ENR-66": "text/html"}},
	{"text/xml", edit(header("Content-Type", "text/xml; charset=utf-8")), map[string]string{"ENR-02": "text/xml", "ENR-66": "text/xml"}},
	{"a Content-Type that is guessed", edit(func(x *relayed) { x.Header.Del("Content-Type") }), map[string]string{"ENR-02": "text/plain", "ENR-66": "text/plain"}},
	{"chunks", edit((*relayed).chunked), map[string]string{"ENR-02": "chunked", "ENR-66": "chunked"}},
	{"gzip", edit(gzipped), map[string]string{"ENR-02": "gzip", "ENR-36": "the reply has Content-Encoding gzip, and the request asks for none"}},
	{"a wrong RelatesTo", edit(soap(func(doc *etree.Document) {
		doc.FindElement("//RelatesTo").SetText("urn:uuid:00000000-0000-0000-0000-000000000000")
	})), map[string]string{"ENR-03": "00000000", "ENR-30": "00000000", "ENR-61": "00000000"}},
	{"serial numbers below 0", proxy{server: belowZero}, map[string]string{"ENR-89": "-"}},
	{"a short Action", edit(soap(func(doc *etree.Document) { doc.FindElement("//Action").SetText("RSTRC/wstep") })), map[string]string{"ENR-27": "RSTRC/wstep"}},
	{"http URLs in the Discover reply", edit(replaced("Url>https:", "Url>http:")), map[string]string{"ENR-05": "http://", "ENR-36": "http://"}},
	{"URLs of the server behind it", edit(replaced("Url>https://127.0.0.1:", "Url>https://localhost:1/")), map[string]string{"ENR-05": "connect", "ENR-36": "connect"}},
	{"services that redirect", proxy{answer: func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if r.URL.Path == mdmserver.DiscoveryPath || r.Method != http.MethodPost {
			return false
		}
		http.Redirect(w, r, r.URL.Path+"/", http.StatusMovedPermanently)
		return true
	}}, map[string]string{"ENR-08": "redirect", "ENR-36": "redirect"}},
	{"a page of its own", proxy{answer: func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html><body>Sign in to the network<br></body></html>")
		return true
	}}, map[string]string{"ENR-02": "text/html", "ENR-36": "SOAP"}},
	{"a limit of request bodies", proxy{answer: func(w http.ResponseWriter, _ *http.Request, sent string) bool {
		if len(sent) < 4000 {
			return false
		}
		http.Error(w, "Request Entity Too Large", http.StatusRequestEntityTooLarge)
		return true
	}}, map[string]string{"ENR-36": "413"}},
	{"no client certificates for the server", proxy{blind: true, more: "ENR-21"}, map[string]string{"SES-01": "a client certificate of an enrolled device is required"}},
}

// ofReplies are the scenarios that only look at the replies of one enrollment.
const ofReplies = "ENR-01 ENR-02 ENR-03 ENR-04 ENR-05 ENR-08 ENR-11 ENR-12 ENR-13 ENR-14 ENR-15 ENR-16 ENR-17 ENR-22 ENR-23 ENR-25 ENR-26 ENR-27 ENR-28 ENR-33 ENR-35 ENR-36 ENR-37 ENR-38 ENR-40 ENR-42 " +
	"ENR-50 ENR-51 ENR-52 ENR-53 ENR-54 ENR-70 ENR-71 ENR-72 ENR-73 ENR-74 ENR-75 ENR-76 ENR-77 ENR-79 ENR-80 ENR-81 ENR-82 ENR-83 ENR-84 ENR-85 ENR-87 ENR-88 ENR-89 ENR-110"

// TestProxyFaults: what a proxy between devices and server breaks fails the scenario
// of its rule and no other, and is one cause.
func TestProxyFaults(t *testing.T) {
	t.Parallel()
	for _, c := range proxyFaults {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			judged(t, c.start(t), c.more, c.want)
		})
	}
}

// judged runs the scenarios that look at replies on a lab, and more. Those in want
// fail or warn, and only they may block others. make variants runs the whole area.
func judged(t *testing.T, l *lab.Lab, more string, want map[string]string) {
	t.Helper()
	ids, areas := strings.Fields(ofReplies+" "+more), []string(nil)
	for id := range want {
		ids = append(ids, id)
	}
	if *allVariants {
		areas = []string{"ENR"}
	}
	list, err := Select(ids, areas)
	if err != nil {
		t.Fatal(err)
	}
	noEnroll := l.Preflight(t.Context())
	rep := report.Report{Scenarios: suite.Collect(t.Context(), l, list, suite.Options{Parallel: 4, NoEnroll: noEnroll, Catalogue: All()}).Results}
	broken := 0
	for _, r := range rep.Scenarios {
		says, fails := want[r.ID]
		if fails {
			broken++
		}
		_, known := want[r.BlockedBy]
		switch {
		case r.Broken() != fails, !strings.Contains(r.Saw, says), r.Outcome == report.Errored, r.Outcome == report.Blocked && !known:
			t.Errorf("%s: %s by %q, %s; expected %s, saw %s", r.ID, r.Outcome, r.BlockedBy, r.Reason, r.Expected, r.Saw)
		case want == nil && r.Outcome == report.NotApplicable && !slices.Contains(append([]string{"ENR-68", "ENR-69"}, ofPages...), r.ID): // of another AuthPolicy
			t.Errorf("%s is not applicable: %s", r.ID, r.Reason)
		case want == nil && r.Outcome != report.Passed && slices.Contains(strings.Fields(more), r.ID):
			t.Errorf("%s: %s, %s", r.ID, r.Outcome, r.Reason)
		}
	}
	if rep.Finish(); broken != len(want) || len(want) > 0 && len(rep.Causes) != 1 {
		t.Errorf("%d of %d failed, causes: %+v", broken, len(want), rep.Causes)
	}
}

// TestProxyRefusesVersion: where the newest Windows is refused, devices are the next
// older one, and the run says so. Nothing fails: a server may support no newer one.
func TestProxyRefusesVersion(t *testing.T) {
	newest := "<RequestVersion>" + dmclient.Win11v25H2().RequestVersion + "<"
	fault := `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>s:EnrollmentServer</s:Value></s:Subcode></s:Code>` +
		`<s:Reason><s:Text xml:lang="en-US">unknown version</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>`
	for name, body := range map[string]string{"a fault": fault, "a plain 400": "unknown version"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := proxy{answer: func(w http.ResponseWriter, _ *http.Request, sent string) bool {
				if !strings.Contains(sent, newest) {
					return false
				}
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, body)
				return true
			}}
			l := p.start(t)
			judged(t, l, "ENR-41", nil)
			notes := strings.Join(l.Notes(), " ")
			const says = "The server refuses Discover with RequestVersion 9.0 of win11-25h2, so the devices are win11-24h2"
			if !strings.Contains(notes, says) || !strings.Contains(notes, "unknown version") {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

func edit(f func(*relayed)) proxy { return proxy{edit: f} }

func remove(e *etree.Element) {
	if e != nil {
		e.Parent().RemoveChild(e)
	}
}

// parmValue changes the value of a parameter of the document: each text to the one after
// it, or all of it to one text.
func parmValue(name string, texts ...string) func(*relayed) {
	return written(func(root *etree.Element) {
		p := parm(root, name)
		if p == nil {
			return // the reply to a renewal has few
		}
		is := texts[0]
		if len(texts) > 1 {
			is = strings.NewReplacer(texts...).Replace(p.SelectAttrValue("value", ""))
		}
		p.CreateAttr("value", is)
	})
}

// thumbprint changes the name of the client certificate.
func thumbprint(f func(string) string) func(*relayed) {
	return written(func(root *etree.Element) {
		c := root.FindElement("//characteristic[@type='My']//parm[@name='EncodedCertificate']").Parent()
		c.CreateAttr("type", f(c.SelectAttrValue("type", "")))
	})
}

// header changes a header of SOAP replies.
func header(name, value string) func(*relayed) {
	return func(x *relayed) {
		if x.isSOAP() {
			x.Header.Set(name, value)
		}
	}
}

func gzipped(x *relayed) {
	if !x.isSOAP() {
		return
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(x.body)
	w.Close()
	x.body = b.Bytes()
	x.Header.Set("Content-Encoding", "gzip")
}

// belowZero makes the serial numbers of all certificates negative, as those in MS-MDE
// 3.6 are.
func belowZero(c *mdmserver.Config) {
	c.Tamper.Certify = append(c.Tamper.Certify, func(c *mdmserver.Certification) {
		c.TBS = func(tbs []byte) []byte {
			var fields []asn1.RawValue
			_, err := asn1.Unmarshal(tbs, &fields)
			if err == nil {
				fields[1].Bytes[0] |= 0x80
				fields[1].FullBytes = nil
				tbs, err = asn1.Marshal(fields)
			}
			if err != nil {
				panic(fmt.Sprintf("the certificate cannot be rewritten: %v", err))
			}
			return tbs
		}
	})
}
