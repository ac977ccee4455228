package paste

import "strings"

// mended closes the elements of a document that was cut, after the last tag that is
// whole. It returns "" if not even its header is there.
func mended(doc string) string {
	var open []string
	body := false
	end := 0
	for i := 0; i < len(doc); {
		k := strings.IndexByte(doc[i:], '<')
		if k < 0 {
			break
		}
		i += k
		n := closeOf(doc[i:])
		if n < 0 {
			break // the tag is cut
		}
		t := doc[i : i+n]
		i += n
		end = i
		switch {
		case t[1] == '!', t[1] == '?', strings.HasSuffix(t, "/>"):
		case t[1] == '/':
			name := strings.TrimSpace(t[2 : len(t)-1])
			if len(open) == 0 || open[len(open)-1] != name {
				return "" // it is damaged, not only cut
			}
			open = open[:len(open)-1]
		default:
			name := t[1 : len(t)-1]
			if k := strings.IndexAny(name, " \t\r\n"); k >= 0 {
				name = name[:k]
			}
			open = append(open, name)
			body = body || local(name) == "SyncBody" || local(name) == "Body"
		}
		if len(open) > 100 {
			return ""
		}
	}
	if !body {
		return ""
	}
	var b strings.Builder
	b.WriteString(doc[:end])
	for i := len(open) - 1; i >= 0; i-- {
		b.WriteString("</" + open[i] + ">")
	}
	return b.String()
}

// closeOf is the length of the tag, comment or section at the start of s, -1 if it is
// cut.
func closeOf(s string) int {
	mark := ">"
	switch {
	case strings.HasPrefix(s, "<!--"):
		mark = "-->"
	case strings.HasPrefix(s, "<![CDATA["):
		mark = "]]>"
	case len(s) < 2:
		return -1
	}
	if k := strings.Index(s, mark); k >= 0 {
		return k + len(mark)
	}
	return -1
}

func local(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }
