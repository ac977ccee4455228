package trace

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dmwake/dmwake/harness/printable"
)

// unnamed is the file of exchanges whose device is unknown.
const unnamed = "unnamed"

// folder has the files of a Recorder.
type folder struct {
	dir   string
	opts  *RecorderOptions
	known map[string]*file // by name
	told  map[string]bool
}

type file struct {
	size int64
	full bool
	torn bool // it ends in the middle of a line, as after a crash
}

// openFolder creates the folder, and finds out whether it can be written to.
func openFolder(dir string, o *RecorderOptions) (*folder, error) {
	fail := func(err error) error {
		return fmt.Errorf("--record: %w; name a folder that this user may write to", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fail(err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return nil, fail(err)
	}
	probe.Close()
	os.Remove(probe.Name())
	f := &folder{dir: dir, opts: o, known: map[string]*file{}, told: map[string]bool{}}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fail(err)
	}
	for _, e := range list {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && strings.HasSuffix(e.Name(), ".txt") {
			f.known[e.Name()] = &file{size: info.Size(), torn: torn(filepath.Join(dir, e.Name()), info.Size())}
		}
	}
	return f, nil
}

// torn reports whether a file does not end with a line break.
func torn(path string, size int64) bool {
	r, err := os.Open(path)
	if err != nil {
		return false
	}
	defer r.Close()
	last := []byte{'\n'}
	_, err = r.ReadAt(last, max(0, size-1))
	return err == nil && last[0] != '\n'
}

// add appends exchanges to the file of a device. words are a line for people.
func (f *folder) add(device, words string, list []waiting) {
	name := fileName(device)
	at := f.known[name]
	if at == nil {
		if device != unnamed && f.devices() >= f.opts.MaxDevices {
			f.tell("devices", fmt.Errorf("--record: %s has %d devices, and no more are recorded; name another folder", f.dir, f.opts.MaxDevices))
			return
		}
		at = &file{}
		f.known[name] = at
	}
	if at.full {
		return
	}
	var b bytes.Buffer
	if at.torn {
		b.WriteString("\n")
	}
	if at.size == 0 {
		b.WriteString(recordingMark)
		if device != unnamed {
			fmt.Fprintf(&b, "== device %s\n", oneWord(device))
		}
	}
	if words != "" {
		fmt.Fprintf(&b, "== %s\n", printable.Line(strings.Join(strings.Fields(words), " ")))
	}
	for i := range list {
		b.Write(list[i].x.text())
	}
	path := filepath.Join(f.dir, name)
	if at.size+int64(b.Len()) > f.opts.MaxBytes {
		at.full = true
		f.tell(name, fmt.Errorf("--record: %s would have more than %d bytes, so the recording of this device ends; move the file away and start again", path, f.opts.MaxBytes))
		return
	}
	if err := appendTo(path, b.Bytes(), at.size); err != nil {
		f.tell(name, fmt.Errorf("--record: %w; what this device sends is not recorded until it can be", err))
		return
	}
	at.size, at.torn = at.size+int64(b.Len()), false
	delete(f.told, name)
}

// devices is how many files of devices there are.
func (f *folder) devices() int {
	n := len(f.known)
	if f.known[unnamed+".txt"] != nil {
		n--
	}
	return n
}

// tell reports a problem once, until it is over.
func (f *folder) tell(what string, err error) {
	if !f.told[what] {
		f.told[what] = true
		f.opts.Tell(err)
	}
}

// appendTo adds text to a file of that size, whole or not at all.
func appendTo(path string, text []byte, size int64) (err error) {
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if closed := w.Close(); err == nil {
			err = closed
		}
	}()
	if _, err = w.Write(text); err != nil {
		if cut := w.Truncate(size); cut != nil && !errors.Is(cut, fs.ErrClosed) {
			return fmt.Errorf("%w, and half of an exchange stays in the file: %w", err, cut)
		}
	}
	return err
}

// maxName bounds the file name that a DeviceID gives; Windows' has 32 characters.
const maxName = 64

// fileName makes a file name of what a device says it is. Any name is safe, and two
// devices have two names, also where a file system ignores case.
func fileName(device string) string {
	if device == unnamed {
		return unnamed + ".txt"
	}
	plain := len(device) <= maxName
	safe := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		plain = false
		if r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, device)
	if !plain {
		sum := sha256.Sum256([]byte(device))
		safe = fmt.Sprintf("%s~%x", safe[:min(len(safe), maxName)], sum[:6])
	}
	return "device-" + safe + ".txt"
}
