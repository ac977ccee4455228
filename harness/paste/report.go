package paste

import (
	"html"
	"regexp"
	"strings"
)

// hresult matches a failure as Windows writes it.
var hresult = regexp.MustCompile(`\b0[xX][89a-fA-F][0-9a-fA-F]{7}\b`)

// maxCodes bounds the codes that are kept.
const maxCodes = 10_000

// codes finds the codes in the text around the messages.
func (l *Log) codes(s string) {
	at := linesOf(s)
	for from := 0; len(l.Codes) < maxCodes; {
		k := strings.IndexAny(s[from:], "xX")
		if k < 0 {
			return
		}
		from += k + 1
		// The character before, for a word's begin, and one after the eight digits.
		low := max(0, from-3)
		if m := hresult.FindStringIndex(s[low:min(len(s), from+9)]); m != nil && low+m[0] == from-2 {
			l.Codes = append(l.Codes, Code{strings.ToLower(s[low+m[0] : low+m[1]]), at.at(from)})
		}
	}
}

// Fields of an MDMDiagReport that tell of the connection.
var (
	reportXML  = regexp.MustCompile(`<(MDMServerName|LastSuccessConnection|LastFailureConnection|LastFailureCode|LastSessionResult|EnrollmentState|EnrollmentType|OSVersion|ReportCreationTime)>([^<]{1,500})</`)
	reportHTML = regexp.MustCompile(`<td[^>]*>\s*(Managed by|Last sync|Management server address|OS version|Edition|Enrollment type)\s*</td>\s*<td[^>]*>([^<]{1,500})<`)
)

// report finds what an MDMDiagReport says of the connection, as XML or HTML.
func (l *Log) report(s string) {
	var list [][]int
	switch {
	case strings.Contains(s, "<MDMEnterpriseDiagnosticsReport"):
		list = reportXML.FindAllStringSubmatchIndex(s, 200)
	case strings.Contains(s, "MDM Diagnostic") && strings.Contains(s, "<td"):
		list = reportHTML.FindAllStringSubmatchIndex(s, 200)
	}
	at := linesOf(s)
	for _, m := range list {
		l.Report = append(l.Report, Field{s[m[2]:m[3]], strings.TrimSpace(html.UnescapeString(s[m[4]:m[5]])), at.at(m[0])})
	}
}
