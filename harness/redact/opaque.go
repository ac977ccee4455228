package redact

import (
	"encoding/base64"
	"regexp"
	"strings"
	"unicode"
)

// keyHints: a key in base64 begins with M.
var keyHints = []string{"m"}

var (
	base64Run = regexp.MustCompile(`M[A-I][A-Za-z0-9+/]{38,}(?:(?:[\r\n]|\\[rn]|&#1[03];|&#x[aAdD];)+[ \t]*[A-Za-z0-9+/=]+)*=*`)
	hexa      = regexp.MustCompile(`^[0-9A-Fa-f-]+$`)
	word      = regexp.MustCompile(`^[A-Za-z]*[0-9]{0,8}$`)
)

// hideKeys hides private keys (PKCS #1 and #8, SEC 1) and PFX files (PKCS #12) in base64.
func hideKeys(s string) string {
	return base64Run.ReplaceAllStringFunc(s, func(run string) string {
		if !privateDER(run) {
			return run
		}
		return Hidden
	})
}

// privateDER reports whether base64 begins as DER of a private key or of a PFX file: a
// sequence whose first element is the version. Certificates and requests for them begin
// with another sequence, PKCS #7 with the name of its kind.
func privateDER(run string) bool {
	head, err := base64.StdEncoding.DecodeString(run[:16])
	if err != nil || head[0] != 0x30 {
		return false
	}
	at := 2
	if n := int(head[1]); n > 0x80 && n <= 0x84 {
		at += n - 0x80
	}
	return head[at] == 0x02 && head[at+1] == 0x01 && (head[at+2] <= 1 || head[at+2] == 3)
}

var (
	urlPath    = regexp.MustCompile(`://[^\s"'<>?#/]*/[^\s"'<>?#]{24,}`)
	queryHints = []string{"sig=", "signature=", "code=", "key=", "auth=", "ticket=", "pass=", "otp=", "sas="}
)

// hidePaths hides tokens in the paths of URLs.
func hidePaths(s string) string {
	return urlPath.ReplaceAllStringFunc(s, func(u string) string {
		parts := strings.Split(u, "/")
		for i := 3; i < len(parts); i++ {
			if opaque(parts[i]) {
				parts[i] = parts[i][:4] + "..." + Hidden
			}
		}
		return strings.Join(parts, "/")
	})
}

// opaque reports whether a part of a path looks like a token: long, and neither words
// nor a hexadecimal id.
func opaque(part string) bool {
	return len(part) >= 24 && !strings.Contains(part, Hidden) && !readable(part) && strings.Trim(part, tokenChars) == ""
}

const tokenChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_-.~=%"

// readable reports whether a long run of characters consists of words and numbers, as in
// paths and names, or is a hexadecimal id. Secrets in base64 are not readable.
func readable(run string) bool {
	if hexa.MatchString(run) {
		return true
	}
	for part := range strings.FieldsFuncSeq(run, func(r rune) bool { return strings.ContainsRune("/_-.~=%+", r) }) {
		if !hexa.MatchString(part) && !isWord(part) {
			return false
		}
	}
	return true
}

// isWord reports whether a part is letters, then digits: in one case, or with few
// capitals, as in DeviceEnrollment.
func isWord(part string) bool {
	letters := strings.TrimRight(part, "0123456789")
	capitals := 0
	for _, r := range letters {
		if unicode.IsUpper(r) {
			capitals++
		}
	}
	switch {
	case !word.MatchString(part):
		return false
	case capitals == 0 || capitals == len(letters):
		return len(letters) <= 20
	}
	return len(letters) >= 4*capitals || len(letters) <= 12 && len(letters) >= 2*capitals
}
