package report

// citation is a part of a source, with the address of its document.
type citation struct{ Text, URL string }

func cite(source string) []citation { return []citation{{Text: source}} }
