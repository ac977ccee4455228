package newcomer

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var dist = flag.String("dist", "", "folder that goreleaser wrote, to check")

// TestArchives: a release has an archive for each system, with its checksum; in it are
// the binary, licence, README, changes, completions and manual pages. The one for this
// machine runs, and says the version of its name.
func TestArchives(t *testing.T) {
	if *dist == "" {
		t.Skip("make release-snapshot checks archives")
	}
	raw, err := os.ReadFile(filepath.Join(*dist, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			end, binary := system+"_"+arch+".tar.gz", "dmwake"
			if system == "windows" {
				end, binary = system+"_"+arch+".zip", "dmwake.exe"
			}
			found, err := filepath.Glob(filepath.Join(*dist, "dmwake_*_"+end))
			if err != nil || len(found) != 1 {
				t.Errorf("%s: %v %v", end, found, err)
				continue
			}
			archive, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(found[0])
			if sum := sha256.Sum256(archive); hex.EncodeToString(sum[:]) != sums[name] {
				t.Errorf("%s: its SHA-256 is not %q", name, sums[name])
			}
			files, err := unpack(archive, system == "windows")
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, want := range []string{binary, "LICENSE", "README.md", "CHANGELOG.md", "completions/dmwake.bash", "completions/dmwake.zsh", "completions/dmwake.fish",
				"completions/dmwake.powershell", "man/man1/dmwake.1", "man/man1/dmwake-test.1"} {
				if len(files[want]) == 0 {
					t.Errorf("%s has no %s", name, want)
				}
			}
			if system == runtime.GOOS && arch == runtime.GOARCH {
				says(t, files[binary], strings.TrimSuffix(strings.TrimPrefix(name, "dmwake_"), "_"+end))
			}
		}
	}
	t.Run("size", sizes)
}

// says runs a binary of a release.
func says(t *testing.T, binary []byte, version string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dmwake")
	if err := os.WriteFile(path, binary, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), path, "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "dmwake "+version+"\n") {
		t.Errorf("dmwake version: %v\n%s, want %s", err, out, version)
	}
}

// unpack are the files of an archive.
func unpack(archive []byte, zipped bool) (map[string][]byte, error) {
	out := map[string][]byte{}
	if zipped {
		r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			return nil, err
		}
		for _, f := range r.File {
			in, err := f.Open()
			if err != nil {
				return nil, err
			}
			if out[f.Name], err = io.ReadAll(in); err != nil {
				return nil, err
			}
			in.Close()
		}
		return out, nil
	}
	plain, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		if out[h.Name], err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
}
