package target

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const areaFile = `<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE MgmtTree><MgmtTree xmlns:MSFT="http://schemas.microsoft.com/MobileDevice/DM"><VerDTD>1.2</VerDTD>
<Node><NodeName>Contoso</NodeName><Path>./Device/Vendor/MSFT</Path><DFProperties><AccessType><Get/></AccessType><DFFormat><node/></DFFormat><Occurrence><One/></Occurrence><DFType><DDFName/></DFType>
</DFProperties></Node></MgmtTree>`

// TestCSPKeys: csp.ddf names a zip beside the configuration; a file that is none is told
// with the key.
func TestCSPKeys(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "own.zip")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	w, err := z.Create("Contoso.xml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(areaFile)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	load := func(name string) (*Config, error) {
		at := filepath.Join(dir, "dmwake.yaml")
		if err := os.WriteFile(at, []byte("target: {discovery: 'https://x/D.svc', username: u}\ncsp: {ddf: "+name+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(at)
	}
	t.Setenv("DMWAKE_PASSWORD", "p")
	c, err := load("own.zip")
	if err != nil || c.CSP.DDF != file {
		t.Fatalf("%+v, %v", c, err)
	}
	b, err := c.CSP.Base()
	if err != nil || len(b.Areas()) != 1 || b.Areas()[0].Path != "Vendor/MSFT/Contoso" {
		t.Errorf("%v, %v", b, err)
	}
	if b, err := new(CSP).Base(); b != nil || err != nil {
		t.Errorf("%v, %v, without a file", b, err)
	}
	for name, want := range map[string]string{"none.zip": "csp.ddf: ", "dmwake.yaml": "csp.ddf: "} {
		if _, err := load(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
