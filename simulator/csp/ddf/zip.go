package ddf

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"sync"
)

// Limits of a set of files. Microsoft's of February 2025 has 309 files of 9 MB.
const (
	maxFiles = 5_000
	maxTotal = 256 << 20
	maxAll   = 100_000 // nodes; Microsoft's have 5,815
)

// ReadZip reads every .xml file of a zip as Microsoft publishes it, in its order.
// Other files are ignored.
func ReadZip(name string) ([]Node, error) {
	z, err := zip.OpenReader(name)
	var cannot *fs.PathError
	switch {
	case errors.As(err, &cannot):
		return nil, fmt.Errorf("%s: %w", name, cannot.Err)
	case err != nil:
		return nil, fmt.Errorf("%s is no sound zip file; it must be the zip of DDF v2 files that Microsoft publishes", name)
	}
	defer func() { _ = z.Close() }() // only read
	if len(z.File) > maxFiles {
		return nil, fmt.Errorf("%s: %d files, at most %d", name, len(z.File), maxFiles)
	}
	var out []Node
	left := int64(maxTotal)
	for _, f := range z.File {
		if !strings.EqualFold(path.Ext(f.Name), ".xml") {
			continue
		}
		b, err := content(f, min(left, maxFile))
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, f.Name, err)
		}
		left -= int64(len(b))
		nodes, err := Read(b, path.Base(f.Name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if out = append(out, nodes...); len(out) > maxAll {
			return nil, fmt.Errorf("%s: more than %d nodes", name, maxAll)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no .xml file in it", name)
	}
	return out, nil
}

var errDamaged = errors.New("the zip is damaged here, or packs its files in a way that is not known")

func content(f *zip.File, most int64) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, errDamaged
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		err = errDamaged
	} else if int64(len(b)) > most {
		err = errors.New("too large")
	}
	return b, err
}

// ZipBase is the base from a zip of DDF v2 files.
func ZipBase(name string) (*Base, error) {
	z, err := readOnce(name)
	return z.base, err
}

// ZipSet is the set of the same files.
func ZipSet(name string) (*Set, error) {
	z, err := readOnce(name)
	return z.set, err
}

// zipped are the zips that were read: devices of one file share a schema.
var zipped struct {
	sync.Mutex
	known map[string]zipFiles
}

type zipFiles struct {
	base *Base
	set  *Set
}

// readOnce reads each file once in a process.
func readOnce(name string) (z zipFiles, err error) {
	zipped.Lock()
	defer zipped.Unlock()
	if z, ok := zipped.known[name]; ok {
		return z, nil
	}
	nodes, err := ReadZip(name)
	if err != nil {
		return z, err
	}
	if z.set, err = NewSet(Edition(name), nodes); err != nil {
		return zipFiles{}, err
	}
	z.base = NewBase(Edition(name), z.set.Nodes())
	if zipped.known == nil {
		zipped.known = map[string]zipFiles{}
	}
	zipped.known[name] = z
	return z, nil
}

// Edition is what a zip's name says about its age: "2025-02" of
// "DDFv2-2025-02.zip", else the name itself.
func Edition(name string) string {
	base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	if _, rest, ok := strings.Cut(base, "-"); ok {
		return rest
	}
	return base
}
