package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// goWords are words of Go's libraries and types, which tell a user nothing.
var goWords = regexp.MustCompile(`strconv|invalid syntax|value out of range|[^.]yaml: |!!(str|seq|map)|(?:^|[^-])\bjson: |[uU]nmarshal|dial tcp|listen tcp|\blookup \S+:|context (deadline exceeded|canceled)|\bEOF\b|asn1:|x509:|tls:|zip: |net/http|net/url|` +
	`missing protocol scheme|first path segment|time: |goroutine|panic|<nil>|%!|\*?\b(target|dmclient|fakewns|load|result|report|lab|mdmserver|cli)\.[A-Z]\w+|map\[|interface \{\}|struct\b|invalid character .* (looking|after|in literal)|malformed HTTP`)

// temporary is the end of the name of a temporary file.
var temporary = regexp.MustCompile(`[.-][0-9]{8,}\b`)

// wrongFiles makes files of many kinds, of which no flag takes all.
func wrongFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	w, err := z.Create("a.xml")
	if err == nil {
		_, err = w.Write([]byte("<x"))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "words": "nothing of the kind\n", "brace": "{", "cut-json": `{"dmwake":"x","scenarios":[{"id":`, "kinds-json": `{"dmwake":1,"scenarios":{"id":[]}}`, "list-json": `[1,2]`,
		"tab-yaml": "a:\n\t- b: [\n", "kinds-yaml": "target: [1]\nwns: {listen: {a: b}}\ntimeouts: {push: x}\n", "binary": "\x00\x01\x02\xff\xfe",
		"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "key": "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
		"broken-zip": "PK\x03\x04xxxx", "zip-of-no-xml": packed.String(), "cut-xml": "<SyncML><SyncHdr>",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	slices.Sort(files)
	return append(files, dir, filepath.Join(dir, "nothing"), filepath.Join(dir, "empty", "below"))
}

var everyValue = flag.Bool("every-value", false, "give each flag all wrong values, which takes minutes; else a sample")

// TestErrorsInPlainWords runs each command with wrong values of each flag, and with wrong
// files, and looks for what only a programmer of dmwake understands. Commands that do
// begin are interrupted at once.
func TestErrorsInPlainWords(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	files := wrongFiles(t, dir)
	texts := append([]string{"nope", "", "://", "https://", "https://a b/", "%zz", "-1", "a b\tc", "127.0.0.1:99999", "127.0.0.1", "[::1", "\x00"}, files...)
	values := map[string][]string{
		"bool": {"maybe"}, "int": {"many", "1.5", "99999999999999999999", "-1", "0"}, "uint64": {"-1", "x", "99999999999999999999"}, "float64": {"much", "-1", "NaN", "1e999", "0"},
		"duration": {"5x", "", "-1s", "9999999h", "0"}, "intSlice": {"x", "-1", "999999999", "99999999999999999999"}, "string": texts, "stringArray": texts, "stringSlice": texts,
	}
	values["uint"] = values["uint64"]
	// What a command needs besides; FILE is each of the files. The suite itself runs once
	// in a process, so that its command must end before.
	arguments := map[string]string{
		"csp": "Camera/AllowCamera", "csp search": "Camera", "csp check": "FILE", "replay": "FILE", "read": "FILE", "device show": "1", "device set": "1 a=b", "device compare": "FILE", "device wipe": "1",
		"report diff": "FILE FILE", "report merge": "FILE FILE", "load compare": "FILE FILE", "load merge": "FILE FILE", "load verify": "FILE", "repro": "add-pfn-418", "test": "--mutant nope",
	}
	run := func(args []string, hide string) {
		t.Helper()
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		var out, errs strings.Builder
		code := mainUntil(ctx, args, &out, &errs)
		said := errs.String()
		if hide != "" {
			said = strings.ReplaceAll(said, hide, "VALUE") // as the user wrote it
		}
		said = strings.ReplaceAll(said, files[0], "FILE")
		if word := goWords.FindString(said); word != "" {
			t.Errorf("%q: exit code %d, %q is in: %s", args, code, word, said)
		}
		if name := temporary.FindString(strings.ReplaceAll(said, dir, "")); name != "" {
			t.Errorf("%q: exit code %d, %q looks like a temporary file: %s", args, code, name, said)
		}
	}
	n, step := 0, 11
	switch {
	case *everyValue:
		step = 1
	case testing.Short():
		step = 97
	}
	everyCommand(func(c *cobra.Command) {
		path := strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), "dmwake"), " ")
		if !c.Runnable() || path == "" || path == "explain" || path == "help" || strings.HasPrefix(path, "completion") {
			return
		}
		words := append(strings.Fields(path), strings.Fields(arguments[path])...)
		if strings.Contains(arguments[path], "FILE") {
			for _, f := range files {
				run(strings.Split(strings.ReplaceAll(strings.Join(words, "\x01"), "FILE", f), "\x01"), f)
			}
		}
		all := pflag.NewFlagSet("", pflag.ContinueOnError)
		all.AddFlagSet(c.LocalFlags())
		all.AddFlagSet(c.InheritedFlags())
		all.VisitAll(func(f *pflag.Flag) {
			list := values[f.Value.Type()]
			if f.Name != "help" && list == nil {
				t.Errorf("%s --%s: no values of the type %s", path, f.Name, f.Value.Type())
			}
			for _, v := range list {
				if n++; n%step != 0 {
					continue // most starts of a lab take a moment
				}
				if path == "test" && f.Name == "list" {
					continue
				}
				args := strings.Split(strings.ReplaceAll(strings.Join(words, "\x01"), "FILE", files[0]), "\x01")
				if path == "test" && v != "" && (f.Name == "config" || f.Name == "mutant" || f.Name == "print-env") {
					args = args[:1]
				}
				run(append(args, "--"+f.Name+"="+v), v)
			}
		})
	})
	if n < 2000 {
		t.Errorf("there are %d wrong values", n)
	}
}
