package newcomer

import (
	"fmt"
	"regexp"
	"strings"
)

// Command is a command of README, with the output that README shows below it.
type Command struct {
	Line  string
	Shown []string // nil: none is shown
}

// blocks are the indented blocks of a page in Markdown.
func blocks(page string) (out [][]string) {
	var block []string
	for line := range strings.SplitSeq(page+"\n\nend", "\n") {
		switch code, ok := strings.CutPrefix(line, "    "); {
		case ok:
			block = append(block, code)
		case line == "" && block != nil:
			block = append(block, "")
		default:
			for block != nil && block[len(block)-1] == "" {
				block = block[:len(block)-1]
			}
			if block != nil {
				out = append(out, block)
			}
			block = nil
		}
	}
	return out
}

// comment is what a command's line explains at its end.
var comment = regexp.MustCompile(`\s{2,}# .*$`)

// Commands are the commands of a page, in its order: the lines of the blocks that are no
// YAML. A line after "$ " shows its output, up to the end of its block.
func Commands(page string) (out []Command) {
	for _, block := range blocks(page) {
		if strings.HasSuffix(block[0], ":") {
			continue // a file
		}
		if line, ok := strings.CutPrefix(block[0], "$ "); ok {
			out = append(out, Command{comment.ReplaceAllString(line, ""), block[1:]})
			continue
		}
		for _, line := range block {
			if line != "" {
				out = append(out, Command{Line: comment.ReplaceAllString(line, "")})
			}
		}
	}
	return out
}

// volatile is what differs between two runs that are alike.
var volatile = []struct {
	is *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`^dmwake \S+:`), "dmwake VERSION:"},
	{regexp.MustCompile(`\b\d{2}:\d{2}:\d{2}\.\d{3}\b`), "TIME"},
	{regexp.MustCompile(`\b127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`\btoken=\w+\.\.\.`), "token=TOKEN..."},
	{regexp.MustCompile(`\bin (?:\d+m)?[\d.]+s\b`), "in DURATION"},
	{regexp.MustCompile(`\(seed \d+\)`), "(seed N)"},
}

func steady(line string) string {
	line = strings.TrimRight(line, " ")
	for _, v := range volatile {
		line = v.is.ReplaceAllString(line, v.as)
	}
	return line
}

// Compare says what of the shown output was not printed. A line "..." stands for any
// number of lines; all others are printed in this order, with nothing between them.
func Compare(shown []string, printed string) error {
	var lines []string
	for line := range strings.Lines(printed) {
		lines = append(lines, steady(strings.TrimRight(line, "\n")))
	}
	at, anywhere := 0, false
	for _, want := range shown {
		if strings.TrimSpace(want) == "..." {
			anywhere = true
			continue
		}
		want = steady(want)
		from := at
		for anywhere && at < len(lines) && lines[at] != want {
			at++
		}
		switch {
		case at == len(lines):
			return fmt.Errorf("README shows %q after line %d, which was not printed", want, from)
		case lines[at] != want:
			return fmt.Errorf("line %d: README shows\n  %s\nand it is\n  %s", at+1, want, lines[at])
		}
		at++
		anywhere = false
	}
	for _, more := range lines[at:] {
		if !anywhere && more != "" {
			return fmt.Errorf("README shows nothing after line %d, and this was printed: %s", at, more)
		}
	}
	return nil
}
