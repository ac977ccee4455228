package target

import "regexp"

// userinfo is "user:password@" in front of a URL's host.
var userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/\s"'<>]+@`)

// Redact hides the user and password in URLs in a text. Some servers' discovery URLs
// contain them, and errors quote the URL.
func Redact(text string) string { return userinfo.ReplaceAllString(text, "${1}[redacted]@") }
