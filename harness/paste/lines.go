package paste

import "strings"

// minWidth is the least width at which a log may have wrapped its lines.
const minWidth = 40

// unprefixed takes away what a log writes before each line of a document, such as the
// time and the name of the program, or the "> " of a mail. head is what stands before
// the document in its first line.
func unprefixed(head, doc string) string {
	list := strings.Split(doc, "\n")
	if len(list) < 2 {
		return doc
	}
	pattern := prefixOf(head, list)
	if pattern == "" {
		return doc
	}
	for i, line := range list[1:] {
		if n := cutShape(pattern, line); n > 0 {
			list[i+1] = line[n:]
		}
	}
	return strings.Join(list, "\n")
}

// prefixOf returns what nearly all lines after the first begin with; empty if there is
// nothing.
func prefixOf(head string, list []string) string {
	for _, candidate := range []string{beforeTag(list[1]), head} {
		candidate = strings.TrimRight(candidate, " \t")
		if strings.TrimSpace(candidate) == "" || len(candidate) > 200 {
			continue
		}
		n := 0
		for _, line := range list[1:] {
			if cutShape(candidate, line) > 0 {
				n++
			}
		}
		if n*5 >= (len(list)-1)*4 { // the last may be cut
			return candidate
		}
	}
	return ""
}

// beforeTag is the part of a line before its first bracket.
func beforeTag(line string) string {
	if i := strings.IndexAny(line, "<&%\\"); i >= 0 {
		return line[:i]
	}
	return ""
}

// cutShape returns how much of a line has the shape of a prefix: the same characters,
// except for numbers, which may be any. 0: none of it.
func cutShape(prefix, line string) int {
	k := 0
	for i := 0; i < len(prefix); {
		if k >= len(line) {
			return 0
		}
		if !isDigit(prefix[i]) {
			if prefix[i] != line[k] {
				return 0
			}
			i, k = i+1, k+1
			continue
		}
		if !isDigit(line[k]) {
			return 0
		}
		for i < len(prefix) && isDigit(prefix[i]) {
			i++
		}
		for k < len(line) && isDigit(line[k]) {
			k++
		}
	}
	return k
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// wrapped reports whether a log broke a document into lines of one length. head is
// what stands before it in its first line.
func wrapped(head, doc string) bool {
	list := strings.Split(strings.TrimRight(doc, "\r\n"), "\n")
	for i := range list {
		list[i] = strings.TrimSuffix(list[i], "\r")
	}
	width := len(head) + len(list[0])
	if len(list) < 2 || width < minWidth || len(list[len(list)-1]) > width {
		return false
	}
	for _, line := range list[1 : len(list)-1] {
		if len(line) != width {
			return false
		}
	}
	return true
}

// joined is a document without the line breaks of its log.
func joined(doc string) string { return strings.NewReplacer("\r\n", "", "\n", "").Replace(doc) }
