package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// outputs are the report files. They are opened before the run, so that a problem
// shows at once, and replace older files only when they are complete.
type outputs struct {
	json, junit, html *output
}

// tell names the files that were written.
func (o *outputs) tell(w io.Writer) {
	for _, f := range []*output{o.json, o.junit, o.html} {
		f.tell(w)
	}
}

// tell names the file, if it was written; nil, standard output and devices are none.
func (o *output) tell(w io.Writer) {
	if o != nil && o.path != "" && o.file == nil {
		wrote(w, o.path)
	}
}

// wrote names a file that a command wrote.
func wrote(w io.Writer, path string) { say(w, "wrote %s\n", path) }

type output struct {
	w    io.Writer
	file *os.File // nil for standard output
	path string   // where a temporary file is moved at the end; empty for others
}

func openOutputs(stdout io.Writer, json, junit, html string) (*outputs, error) {
	for _, path := range []string{json, junit, html} {
		if path != "" && path != "-" {
			signal.Ignore(syscall.SIGPIPE) // the report outlives who reads the progress
		}
	}
	o := &outputs{}
	var err error
	if json == "-" {
		o.json = &output{w: stdout}
	} else if o.json, err = openOutput(json); err != nil {
		return nil, err
	}
	for _, v := range []struct {
		to   **output
		path string
	}{{&o.junit, junit}, {&o.html, html}} {
		if *v.to, err = openOutput(v.path); err != nil {
			o.close()
			return nil, err
		}
	}
	return o, nil
}

func openOutput(path string) (*output, error) {
	if path == "" {
		return nil, nil
	}
	var f *os.File
	var err error
	name := path
	if info, serr := os.Stat(path); serr == nil && !info.Mode().IsRegular() { //nolint:gosec // the user's own file
		// A device or a pipe is written directly.
		f, err = os.OpenFile(path, os.O_WRONLY, 0) //nolint:gosec // as above
		path = ""
	} else {
		f, err = os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	}
	if err != nil {
		return nil, fmt.Errorf("the report %s cannot be written: %w", name, withoutPath(err))
	}
	return &output{w: f, file: f, path: path}, nil
}

// withoutPath is an error of a file, without the name of a temporary one.
func withoutPath(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// finish moves a complete file to its path.
func (o *output) finish() error {
	if o.file == nil {
		return nil
	}
	if o.path != "" {
		if err := o.file.Chmod(0o644); err != nil {
			return err
		}
	}
	name := o.file.Name()
	if err := o.file.Close(); err != nil {
		return err
	}
	if o.path != "" {
		if err := os.Rename(name, o.path); err != nil { //nolint:gosec // as above
			return err
		}
	}
	o.file = nil // written
	return nil
}

// written is a result in these formats; a load result has no JUnit format.
type written interface {
	WriteJSON(io.Writer) error
	WriteHTML(io.Writer) error
}

// write writes all files, even if one of them fails.
func (o *outputs) write(r written) error {
	var failed []error
	junit := func(io.Writer) error { return nil }
	if j, ok := r.(interface{ WriteJUnit(io.Writer) error }); ok {
		junit = j.WriteJUnit
	}
	for _, v := range []struct {
		to    *output
		write func(io.Writer) error
	}{{o.json, r.WriteJSON}, {o.junit, junit}, {o.html, r.WriteHTML}} {
		if v.to == nil {
			continue
		}
		if err := v.write(v.to.w); err != nil {
			failed = append(failed, err)
		} else if err := v.to.finish(); err != nil {
			failed = append(failed, fmt.Errorf("the report %s cannot be written: %w", v.to.path, withoutPath(err)))
		}
	}
	return errors.Join(failed...)
}

// close removes unfinished files.
func (o *outputs) close() {
	for _, f := range []*output{o.json, o.junit, o.html} {
		if f == nil || f.file == nil {
			continue
		}
		f.file.Close()
		if f.path != "" {
			os.Remove(f.file.Name())
		}
	}
}
