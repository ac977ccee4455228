package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const tutorialPage = "../docs/tutorial.md"

// pageBlock is a fenced block of the page.
type pageBlock struct {
	kind string // the word after the fence: go, yaml, diff, console
	file string // that the block is, or changes: the last **`name`** in the paragraph above
	text string
	line int // of its first line
}

var fileName = regexp.MustCompile("\\*\\*`([^`]+)`\\*\\*")

// tutorialBlocks gives the blocks of the page in their order.
func tutorialBlocks(t *testing.T) (blocks []pageBlock) {
	t.Helper()
	raw, err := os.ReadFile(tutorialPage)
	if err != nil {
		t.Fatal(err)
	}
	var above string
	lines := strings.Split(string(raw), "\n")
	for i := 0; i < len(lines); i++ {
		kind, fence := strings.CutPrefix(lines[i], "```")
		if !fence {
			switch {
			case lines[i] == "":
			case i > 0 && lines[i-1] == "":
				above = lines[i]
			default:
				above += " " + lines[i]
			}
			continue
		}
		b := pageBlock{kind: kind, line: i + 2}
		if m := fileName.FindAllStringSubmatch(above, -1); m != nil {
			b.file = m[len(m)-1][1]
		}
		first := i + 1
		for i = first; i < len(lines) && lines[i] != "```"; i++ {
		}
		if i == len(lines) {
			t.Fatalf("%s:%d: the block has no end", tutorialPage, b.line)
		}
		b.text = strings.Join(lines[first:i], "\n") + "\n"
		blocks = append(blocks, b)
	}
	return blocks
}

// write does to the reader's folder what the block says; other blocks do nothing.
func (b *pageBlock) write(dir string, change func(string) string) error {
	path := filepath.Join(dir, b.file)
	switch b.kind {
	case "go", "yaml":
		if b.file == "" {
			return fmt.Errorf("line %d: the paragraph above the block names no file", b.line)
		}
		return os.WriteFile(path, []byte(change(b.text)), 0o600)
	case "diff":
		raw, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("line %d: %w", b.line, err)
		}
		before, after := b.sides()
		if n := strings.Count(string(raw), change(before)); n != 1 {
			return fmt.Errorf("line %d: what is to be replaced is in %s %d times, not once:\n%s", b.line, b.file, n, before)
		}
		return os.WriteFile(path, []byte(strings.Replace(string(raw), change(before), change(after), 1)), 0o600)
	case "console", "text":
		return nil
	}
	return fmt.Errorf("line %d: a block of kind %q", b.line, b.kind)
}

// sides are the lines before and after a change.
func (b *pageBlock) sides() (before, after string) {
	for line := range strings.Lines(b.text) {
		switch line[0] {
		case '-':
			before += line[1:]
		case '+':
			after += line[1:]
		default:
			before += line[1:]
			after += line[1:]
		}
	}
	return before, after
}

// shownCommand is a line after "$ ", and what the page shows of its output.
type shownCommand struct {
	text string
	want []string
	line int
}

func (b *pageBlock) commands() (out []shownCommand) {
	if b.kind != "console" {
		return nil
	}
	n := b.line
	for line := range strings.Lines(b.text) {
		line = strings.TrimRight(line, "\n")
		if text, is := strings.CutPrefix(line, "$ "); is {
			out = append(out, shownCommand{text: text, line: n})
		} else if len(out) > 0 {
			c := &out[len(out)-1]
			c.want = append(c.want, line)
		}
		n++
	}
	return out
}
