package suite

import (
	"archive/zip"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

// TestDescribedByOwnFiles: commands are held against the files that the devices have
// (csp.ddf, --ddf), not against Microsoft's.
func TestDescribedByOwnFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "own.zip")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	w, err := z.Create("own.xml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write([]byte(`<MgmtTree><Node><NodeName>Own</NodeName><Path>./Device/Vendor/MSFT</Path><DFProperties><AccessType><Get/></AccessType></DFProperties>
<Node><NodeName>New</NodeName><DFProperties><AccessType><Replace/></AccessType><DFFormat><int/></DFFormat></DFProperties></Node></Node></MgmtTree>`))
	if err := errors.Join(err, z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	command := ddf.Command{Verb: "Replace", LocURI: "./Device/Vendor/MSFT/Own/New", Format: "int", Data: "1"}
	camera := ddf.Command{Verb: "Replace", LocURI: "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera", Format: "int", Data: "7"}
	build := ddf.Build{Number: 22631}
	own, microsofts := &checks{file: name}, &checks{}
	for _, c := range []struct {
		of      *checks
		command ddf.Command
		want    ddf.Level // of the only finding; empty for none
	}{{own, command, ""}, {own, camera, ddf.Unknown}, {microsofts, command, ddf.Unknown}, {microsofts, camera, ddf.Error}} {
		got := c.of.of(c.command, build)
		if c.want == "" && len(got) != 0 || c.want != "" && (len(got) != 1 || got[0].Level != c.want) || c.of.err != nil {
			t.Errorf("%s with %q: %+v %v, want %q", c.command.LocURI, c.of.file, got, c.of.err, c.want)
		}
	}
	lost := &checks{file: filepath.Join(t.TempDir(), "none.zip")}
	if lost.of(command, build); lost.err == nil {
		t.Error("a file that is gone is no error")
	}
}
