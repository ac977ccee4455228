package ddf_test

import (
	"archive/zip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

// sample has what the files have, in both spellings of Microsoft's elements.
const sample = "\ufeff" + `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE MgmtTree PUBLIC " -//OMA//DTD-DM-DDF 1.2//EN"
  "http://www.openmobilealliance.org/tech/DTD/DM_DDF-V1_2.dtd"
  [<?oma-dm-ddf-ver supported-versions="1.2"?>]>
<MgmtTree xmlns:MSFT="http://schemas.microsoft.com/MobileDevice/DM">
  <VerDTD>1.2</VerDTD>
  <MSFT:Diagnostics></MSFT:Diagnostics>
  <Node>
    <NodeName>Sample</NodeName>
    <Path>./User/Vendor/MSFT</Path>
    <DFProperties>
      <AccessType><Get /></AccessType>
      <DFFormat><node /></DFFormat>
      <Occurrence><One /></Occurrence>
      <Scope><Permanent /></Scope>
      <DFType><MIME /></DFType>
      <MSFT:Applicability>
        <MSFT:OsBuildVersion>10.0.22000, 10.0.19043.1202, 99.9.99999</MSFT:OsBuildVersion>
        <MSFT:CspVersion>1.1</MSFT:CspVersion>
        <MSFT:EditionAllowList>0x4;0x1B;</MSFT:EditionAllowList>
      </MSFT:Applicability>
    </DFProperties>
    <Node>
      <NodeName></NodeName>
      <DFProperties>
        <AccessType><Add /><Delete /><Get /></AccessType>
        <DFFormat><node /></DFFormat>
        <Occurrence><ZeroOrMore /></Occurrence>
        <Scope><Dynamic /></Scope>
        <DFTitle>Rule/ID</DFTitle>
        <DFType><DDFName /></DFType>
        <DynamicNodeNaming><UniqueName>words</UniqueName></DynamicNodeNaming>
        <AtomicRequired />
      </DFProperties>
      <Node>
        <NodeName>Mode</NodeName>
        <DFProperties>
          <AccessType><Get /><Replace /><Exec /></AccessType>
          <DefaultValue></DefaultValue>
          <Description>What it does.</Description>
          <DFFormat><int /></DFFormat>
          <Occurrence><ZeroOrOne /></Occurrence>
          <Scope><Dynamic /></Scope>
          <CaseSense><CS /></CaseSense>
          <DFType><MIME>text/plain</MIME></DFType>
          <Applicability><OsBuildVersion>10.0.22621.1928</OsBuildVersion></Applicability>
          <MSFT:AllowedValues ValueType="Flag">
            <MSFT:Enum><MSFT:Value>0x1</MSFT:Value><MSFT:ValueDescription>On.</MSFT:ValueDescription></MSFT:Enum>
            <MSFT:Enum><MSFT:Value>0x4</MSFT:Value></MSFT:Enum>
            <MSFT:List Delimiter="\xF000" />
          </MSFT:AllowedValues>
          <MSFT:Deprecated OsBuildDeprecated="10.0.22631.2361" />
          <MSFT:ConflictResolution>LastWrite</MSFT:ConflictResolution>
          <MSFT:RebootBehavior>Automatic</MSFT:RebootBehavior>
          <MSFT:ReplaceBehavior>Append</MSFT:ReplaceBehavior>
          <MSFT:GpMapping GpEnglishName="Words" />
          <MSFT:DependencyBehavior>
            <MSFT:DependencyGroup FriendlyId="G">
              <MSFT:Dependency Type="Not">
                <MSFT:DependencyUri>User/Vendor/MSFT/Sample/Other</MSFT:DependencyUri>
                <MSFT:DependencyAllowedValue ValueType="Range"><MSFT:Value>[0]</MSFT:Value></MSFT:DependencyAllowedValue>
              </MSFT:Dependency>
              <MSFT:DependencyChangedAllowedValues ValueType="ADMX">
                <MSFT:AdmxBacked Area="A~AT~B" Name="N" File="f.admx" />
              </MSFT:DependencyChangedAllowedValues>
            </MSFT:DependencyGroup>
          </MSFT:DependencyBehavior>
        </DFProperties>
      </Node>
    </Node>
    <Node>
      <NodeName>EncodedCertificate</NodeName>
      <DFProperties>
        <AccessType><Get /></AccessType>
        <DFFormat><bool /></DFFormat>
        <DynamicNodeNaming><ClientInventory /></DynamicNodeNaming>
        <MSFT:AllowedValues ValueType="ENUM">
          <MSFT:Enum><MSFT:Value>0</MSFT:Value></MSFT:Enum><MSFT:Enum><MSFT:Value>8</MSFT:Value></MSFT:Enum>
        </MSFT:AllowedValues>
      </DFProperties>
    </Node>
  </Node>
</MgmtTree>`

func TestRead(t *testing.T) {
	got, err := ddf.Read([]byte(sample), "Sample.xml")
	if err != nil {
		t.Fatal(err)
	}
	empty := ""
	first := []ddf.Build{{Number: 22000}, {Number: 19043, Revision: 1202}, {Number: 99999}}
	want := []ddf.Node{
		{Path: "./User/Vendor/MSFT/Sample", Scope: csp.UserScope, Ops: csp.Get, Format: "node", Occurs: "One", Permanent: true,
			Builds: first, CSPVersion: "1.1", Editions: "0x4;0x1B;", File: "Sample.xml"},
		{Path: "./User/Vendor/MSFT/Sample/{RuleID}", Scope: csp.UserScope, Ops: csp.Add | csp.Delete | csp.Get, Format: "node", Occurs: "ZeroOrMore",
			Type: "DDFName", Naming: "UniqueName", Atomic: true, Title: "Rule/ID",
			Builds: first, CSPVersion: "1.1", Editions: "0x4;0x1B;", File: "Sample.xml"},
		{Path: "./User/Vendor/MSFT/Sample/{RuleID}/Mode", Scope: csp.UserScope, Ops: csp.Get | csp.Replace | csp.Exec, Format: "int", Occurs: "ZeroOrOne",
			Type: "text/plain", CaseSense: "CS", Default: &empty, Description: "What it does.",
			Builds: []ddf.Build{{Number: 22621, Revision: 1928}}, CSPVersion: "1.1", Editions: "0x4;0x1B;", File: "Sample.xml",
			Allowed:    &ddf.Allowed{Kind: ddf.Flag, Values: []string{"0x1", "0x4"}, Texts: []string{"On.", ""}, Delimiter: "\uF000"},
			Deprecated: true, DeprecatedB: ddf.Build{Number: 22631, Revision: 2361},
			Conflict: "LastWrite", Reboot: "Automatic", Replace: "Append", GroupPolicy: "Words",
			Depends: []ddf.Group{{On: []ddf.Dependency{{URI: "User/Vendor/MSFT/Sample/Other", Not: true, Allowed: &ddf.Allowed{Kind: ddf.Range, Values: []string{"[0]"}}}},
				Changed: &ddf.Allowed{Kind: ddf.ADMX, Area: "A~AT~B", Name: "N", File: "f.admx"}}}},
		// Two known errors: marked dynamic though it has a name, a bool with other values.
		{Path: "./User/Vendor/MSFT/Sample/EncodedCertificate", Scope: csp.UserScope, Ops: csp.Get, Format: "int",
			Builds: first, CSPVersion: "1.1", Editions: "0x4;0x1B;", File: "Sample.xml", Allowed: &ddf.Allowed{Kind: ddf.Enum, Values: []string{"0", "8"}, Texts: []string{"", ""}}},
	}
	if len(got) != len(want) {
		t.Fatalf("%d nodes, want %d", len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("node %d:\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "it has no element MgmtTree",
		"<SyncML/>":               "its root is SyncML",
		"<MgmtTree></MgmtTree>":   "describes no node",
		"<MgmtTree><Node>":        "x.xml:1:17: the XML ends too early",
		"<MgmtTree><Node></Node>": "without NodeName",
		"<MgmtTree><Node><NodeName>A</NodeName></Node></MgmtTree>":                                                "has no Path",
		"<MgmtTree><Node><NodeName>A/B</NodeName><Path>./</Path></Node></MgmtTree>":                               "is not a name",
		"<MgmtTree><Node><NodeName>A</NodeName><Path>x</Path></Node></MgmtTree>":                                  "does not begin with ./",
		"<MgmtTree><Node><NodeName>A</NodeName><Path>./Vendor//MSFT</Path></Node></MgmtTree>":                     `has the name ""`,
		"<MgmtTree><Node><NodeName>..</NodeName><Path>./Vendor</Path></Node></MgmtTree>":                          `has the name ".."`,
		"<MgmtTree><Node><NodeName>*</NodeName><Path>./Vendor</Path></Node></MgmtTree>":                           `has the name "*"`,
		"<MgmtTree><Node><NodeName>A\u009b31m</NodeName><Path>./Vendor</Path></Node></MgmtTree>":                  "has a control character",
		"<MgmtTree><Node><NodeName>" + strings.Repeat("A", 1024) + "</NodeName><Path>./</Path></Node></MgmtTree>": "longer than 1024 bytes",
		"<MgmtTree>\n<a>\xff":                     "x.xml: line 2, column 4: the bytes are not UTF-8",
		"<MgmtTree>" + strings.Repeat("<a>", 200): "more than 100 levels",
		"<MgmtTree>" + strings.Repeat("<Node><NodeName>A</NodeName><Path>./A</Path>", 200):          "more than 100 levels",
		"<MgmtTree>" + strings.Repeat("<Node><NodeName>A</NodeName><Path>./A</Path></Node>", 5e4+1): "more than 50000 nodes",
	} {
		if _, err := ddf.Read([]byte(text), "x.xml"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

// TestReadZipRefuses: a zip's limits are those of all its files together.
func TestReadZipRefuses(t *testing.T) {
	many := "<MgmtTree><Node><NodeName>A</NodeName><Path>./Vendor/MSFT</Path>" + strings.Repeat("<Node><NodeName>B</NodeName></Node>", 40_000) + "</Node></MgmtTree>"
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"nodes":  {[]string{many, many, many}, "more than 100000 nodes"},
		"large":  {[]string{strings.Repeat(" ", 17<<20)}, "0.xml: too large"},
		"other":  {[]string{"<doc/>"}, "0.xml:1:7: not a DDF file"},
		"no XML": {nil, "no .xml file in it"},
	} {
		if _, err := ddf.ReadZip(zipOf(t, c.files...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// zipOf writes a zip of DDF files.
func zipOf(t *testing.T, files ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "own.zip")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for i, text := range files {
		w, err := z.Create(strconv.Itoa(i) + ".xml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestDescribedTwice: of two nodes with one path the first is taken, and listed once.
func TestDescribedTwice(t *testing.T) {
	file := `<MgmtTree><Node><NodeName>A</NodeName><Path>./Vendor/MSFT</Path><Node><NodeName>B</NodeName>%s</Node><Node><NodeName>b</NodeName></Node></Node></MgmtTree>`
	nodes, err := ddf.ReadZip(zipOf(t, strings.ReplaceAll(file, "%s", `<DFProperties><DFFormat><int/></DFFormat></DFProperties>`), strings.ReplaceAll(file, "%s", "")))
	if err != nil {
		t.Fatal(err)
	}
	set, err := ddf.NewSet("own", nodes)
	if err != nil {
		t.Fatal(err)
	}
	if list := set.Nodes(); len(list) != 2 || list[0].Path != "./Vendor/MSFT/A" || list[1].Path != "./Vendor/MSFT/A/B" || list[1].Format != csp.Int {
		t.Errorf("%+v", list)
	}
}

// published is Microsoft's zip, which is no part of this repository.
func published(t testing.TB) string {
	t.Helper()
	list, _ := filepath.Glob("../../../../shared/ddf/*.zip")
	if len(list) == 0 {
		t.Skip("SKIPPED: ../shared/ddf has no zip of Microsoft's DDF files, so nothing was compared with them")
	}
	return list[0]
}

// TestPublished reads all of Microsoft's files and holds each node against what etree
// says of the same element.
func TestPublished(t *testing.T) {
	name := published(t)
	got, err := ddf.ReadZip(name)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files, i, tags, policies := 0, 0, 0, 0
	for _, f := range z.File {
		if filepath.Ext(f.Name) != ".xml" {
			continue
		}
		files++
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimPrefix(string(b), "\ufeff")
		tags += strings.Count(text, "<NodeName>") + strings.Count(text, "<NodeName/>") + strings.Count(text, "<NodeName />")
		doc := etree.NewDocument()
		if err := doc.ReadFromString(text); err != nil {
			t.Fatal(f.Name, err)
		}
		var walk func(e *etree.Element, above string)
		walk = func(e *etree.Element, above string) {
			if p := e.SelectElement("Path"); p != nil {
				above = p.Text()
			}
			path := strings.TrimSuffix(above, "/") + "/" + // SUPL's root is under "./Vendor/MSFT/"
				strings.TrimSpace(e.SelectElement("NodeName").Text())
			if i >= len(got) {
				t.Fatalf("%s: %s is node %d, but only %d were read", f.Name, path, i, len(got))
			}
			n := got[i]
			i++
			said := n.Path
			if strings.HasSuffix(path, "/") { // dynamic
				said = said[:strings.LastIndexByte(said, '/')+1]
				if !n.Dynamic() {
					t.Errorf("%s: %s is not dynamic", f.Name, n.Path)
				}
			}
			props := e.SelectElement("DFProperties")
			var ops []string
			for _, op := range props.SelectElement("AccessType").ChildElements() {
				ops = append(ops, op.Tag)
			}
			if said != path || n.Ops.String() != strings.Join(ops, ", ") || n.File != f.Name {
				t.Errorf("%s: node %d is %s (%v), want %s (%v)", f.Name, i, n.Path, n.Ops, path, ops)
			}
			if format := props.SelectElement("DFFormat").ChildElements()[0].Tag; string(n.Format) != format && n.Name() != "ForceAadToken" {
				t.Errorf("%s: format %s, want %s", n.Path, n.Format, format)
			}
			if d := props.SelectElement("DynamicNodeNaming"); d != nil && n.Dynamic() && n.Naming != d.ChildElements()[0].Tag || d == nil && n.Naming != "" {
				t.Errorf("%s: naming %q", n.Path, n.Naming)
			}
			values := 0
			if a := props.SelectElement("AllowedValues"); a != nil {
				values = len(a.FindElements(".//Value"))
				if k := a.SelectAttrValue("ValueType", ""); n.Allowed == nil || string(n.Allowed.Kind) != k || len(n.Allowed.Values) != values {
					t.Errorf("%s: allowed %+v, want %d values of kind %s", n.Path, n.Allowed, values, k)
				}
			} else if n.Allowed != nil {
				t.Errorf("%s: allowed %+v, but the file has none", n.Path, n.Allowed)
			}
			if a := props.FindElement("Applicability/OsBuildVersion"); a != nil && len(n.Builds) != strings.Count(a.Text(), ",")+1 {
				t.Errorf("%s: builds %v, want %s", n.Path, n.Builds, a.Text())
			}
			if strings.HasSuffix(f.Name, "_AreaDDF.xml") {
				policies++
			}
			for _, kid := range e.SelectElements("Node") {
				walk(kid, n.Path)
			}
		}
		for _, e := range doc.Root().SelectElements("Node") {
			walk(e, "")
		}
	}
	if i != len(got) || tags != len(got) {
		t.Errorf("%d nodes were read; etree finds %d, and %d tags NodeName are there", len(got), i, tags)
	}
	if strings.Contains(name, "2025-02") && (files != 309 || len(got) != 5815 || policies != 3949) {
		t.Errorf("%d files, %d nodes, %d of them policies; February 2025 has 309, 5815, 3949", files, len(got), policies)
	}
}

// TestFactsAreCurrent: the embedded table is what "make ddf" writes.
func TestFactsAreCurrent(t *testing.T) {
	name := published(t)
	set, err := ddf.Facts()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(name, set.Edition) {
		t.Skipf("SKIPPED: the table is of %s, and %s is another set", set.Edition, name)
	}
	nodes, err := ddf.ReadZip(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ddf.Encode(set.Edition, nodes)
	if err != nil {
		t.Fatal(err)
	}
	_, want, err := ddf.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(set.Nodes(), want) {
		t.Error("facts.bin is not what the files say: make ddf")
	}
}

// TestFactsHaveNoTexts: descriptions are Microsoft's; facts are not.
func TestFactsHaveNoTexts(t *testing.T) {
	nodes, err := ddf.Read([]byte(sample), "Sample.xml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := ddf.Encode("x", nodes)
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := ddf.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		n := &nodes[i]
		n.Title, n.Description, n.GroupPolicy = "", "", ""
		if n.Allowed != nil {
			n.Allowed.Texts = nil
		}
	}
	if !reflect.DeepEqual(got, nodes) {
		t.Errorf("decoded\n%+v\nwant\n%+v", got, nodes)
	}
	set, err := ddf.Facts()
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Nodes()) < 5000 {
		t.Errorf("the table has %d nodes", len(set.Nodes()))
	}
	for _, n := range set.Nodes() {
		if n.Description != "" || n.GroupPolicy != "" || n.Allowed != nil && n.Allowed.Texts != nil {
			t.Errorf("%s has texts", n.Path)
		}
	}
	if info, err := os.Stat("facts.bin"); err != nil || info.Size() > 200_000 {
		t.Errorf("facts.bin: %v, %v", info, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(strings.ReplaceAll(sample, "MSFT:", "")))
	f.Add([]byte(strings.TrimPrefix(sample, "\ufeff")))
	f.Add([]byte(sample[:len(sample)/2]))
	f.Add([]byte("<MgmtTree><Node><NodeName>A</NodeName><Path>./A</Path></Node></MgmtTree>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		nodes, err := ddf.Read(b, "x.xml")
		if err != nil {
			return
		}
		if len(nodes) == 0 {
			t.Fatal("neither a node nor an error")
		}
		table, err := ddf.Encode("x", nodes)
		if err != nil {
			t.Fatal(err)
		}
		_, again, err := ddf.Decode(table)
		if err != nil || len(again) != len(nodes) {
			t.Fatalf("%d nodes became %d, %v", len(nodes), len(again), err)
		}
		for i := range nodes {
			if again[i].Path != nodes[i].Path || again[i].Ops != nodes[i].Ops {
				t.Fatalf("%+v became %+v", nodes[i], again[i])
			}
		}
		set, err := ddf.NewSet("x", nodes)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes {
			_, _ = set.Find(n.Path)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	table, err := os.ReadFile("facts.bin")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := ddf.Decode(table); err != nil {
			b.Fatal(err)
		}
	}
}
