package paste

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// pattern finds personal details by how they look, or by what names them.
type pattern struct {
	expr *regexp.Regexp
	// hints: a text without any of them, which are in lower case, has no match.
	hints []string
	// near says that matches are looked for only around the hints, in bytes before and
	// after; 0: everywhere.
	near  int
	group int  // of the value; 0: all
	host  bool // its words are labels of host names
	// secret values are replaced whole, with the words of the protocol in them.
	secret bool
	// spares says which values stay.
	spares func(value string) bool
}

// value is the part of a match that is personal.
func (p *pattern) value(s string, m []int) (from, to int, ok bool) {
	from, to = m[2*p.group], m[2*p.group+1]
	return from, to, from >= 0 && to > from && (p.spares == nil || !p.spares(s[from:to]))
}

// all finds the pattern in a text; low is the text in lower case.
func (p *pattern) all(s, low string) (out [][]int) {
	if p.near == 0 || len(low) != len(s) {
		has := len(p.hints) == 0
		for _, h := range p.hints {
			has = has || strings.Contains(low, h)
		}
		if !has {
			return nil
		}
		return p.expr.FindAllStringSubmatchIndex(s, -1)
	}
	for from := 0; from < len(s); {
		at := -1
		for _, h := range p.hints {
			if k := strings.Index(low[from:min(len(low), from+maxWindow)], h); k >= 0 && (at < 0 || from+k < at) {
				at = from + k
			}
		}
		if at < 0 {
			from += maxWindow - p.near // a hint may stand across the end
			continue
		}
		start := max(from, at-p.near)
		end := min(len(s), at+5*p.near)
		m := p.expr.FindStringSubmatchIndex(s[start:end])
		if m == nil {
			from = at + 1
			continue
		}
		for i := range m {
			if m[i] >= 0 {
				m[i] += start
			}
		}
		out, from = append(out, m), max(m[1], at+1)
	}
	return out
}

// maxWindow is how far ahead hints are looked for at once, in bytes: one that is rare
// is not looked for again and again.
const maxWindow = 4 << 10

// Signs as they are and escaped.
const (
	colon  = `(?::|%(?:25)*3[aA])`
	equals = `(?:=|%(?:25)*3[dD])`
	signs  = `%(?:25)*(?:2[bBfF]|3[dD])` // of base64: + / =
	anyOf  = `\\*(?:"|'|&(?:amp;)*(?:quot|#34|#39);|%(?:25)*2[27])?`
)

var patterns = []pattern{
	// mail addresses and user principal names
	{hints: []string{"@", "%40", "%2540", `\u0040`, "&#64;"}, near: 80, expr: regexp.MustCompile(`[\w.+-]{1,64}(?:@|%(?:25)*40|\\u0040|&#64;)[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}`), host: true},
	// hosts of URLs, and credentials before them
	{expr: regexp.MustCompile(`(?i)` + colon + `(?:\\*/|%(?:25)*2f){2}([\w.-]+(?:@[\w.-]+)?)`), group: 1, host: true, spares: public},
	{hints: []string{"host", "computer", "forwarded", "client-ip"}, expr: regexp.MustCompile(`(?im)^\s*(?:Host|Computer|Forwarded|X-Forwarded-(?:For|Host)|Client-Ip)\s*:[ \t]*(\S+)`), group: 1, host: true, spares: public},
	{hints: []string{"<computer>"}, expr: regexp.MustCompile(`<Computer>([^<]+)<`), group: 1, host: true},
	// fields of logs, in JSON, logfmt and prose
	{expr: regexp.MustCompile(`(?i)\b(?:user(?:_?name|_?id|_?email)?|login|upn|e?mail|host(?:_?name)?|computer(?:_?name)?|device_?(?:name|id)|serial(?:_?(?:number|no))?|hardware_?serial|owner|display_?name|tenant(?:_?(?:id|name))?|organi[sz]ation|account|imei|phone)` + anyOf + `\s*[:=]\s*` + anyOf + `([^\s"',;{}\[\]()&<>\\%]{2,})`), group: 1, spares: system},
	{secret: true, expr: regexp.MustCompile(`(?i)(?:(?:password|passwd|secret|token|api[_-]?key|cookie|nonce|signature|thumbprint|challenge))` + anyOf + `\s*(?:[:=]|%3d)\s*` + anyOf + `((?:[^\s"',;{}\[\]()&<>\\%]|` + signs + `){4,})`), group: 1},
	{secret: true, hints: []string{"bearer", "basic", "negotiate", "digest"}, expr: regexp.MustCompile(`(?i)\b(?:bearer|basic|negotiate|digest)(?: |\+|%20)+((?:[\w.~+/=-]|` + signs + `){8,})`), group: 1, spares: func(v string) bool { return strings.ToLower(v) == v && !strings.ContainsAny(v, "0123456789") }},
	{secret: true, expr: regexp.MustCompile(`eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?`)},
	{secret: true, hints: []string{"token"}, expr: regexp.MustCompile(`(?i)token` + equals + `((?:[\w+/=.~-]|` + signs + `)+)`), group: 1},
	// folders of users
	{hints: []string{"users", "home"}, expr: regexp.MustCompile(`(?i)\b(?:users|home)[\\/]{1,4}([\w.-]{2,})`), group: 1, spares: func(v string) bool { return strings.EqualFold(v, "public") || strings.EqualFold(v, "default") }},
	// names that Windows gives, and users of Entra
	{expr: regexp.MustCompile(`\b(?:DESKTOP|LAPTOP|WIN)-([A-Z0-9]{7,11})\b`), group: 1},
	{hints: []string{`azuread\`}, expr: regexp.MustCompile(`(?i)\bAzureAD\\{1,4}([\w.-]{2,})`), group: 1},
	// ids
	{expr: regexp.MustCompile(`[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b`), spares: provider},
	{hints: []string{"s-1-"}, expr: regexp.MustCompile(`\bS-1-(?:5-21|12-1)((?:-\d{3,10}){1,6})`), group: 1},
	{expr: regexp.MustCompile(`\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b`)},
	{expr: regexp.MustCompile(`(?:^|[^\w./])((?:\d{1,3}\.){3}\d{1,3})\b`), group: 1, spares: noAddress},
	{expr: regexp.MustCompile(`\b(?:[0-9a-fA-F]{1,4}:){3,7}(?::?[0-9a-fA-F]{1,4})\b`)},
	{expr: regexp.MustCompile(`\+\d[\d ()/-]{6,18}\d`)},
	// elements of enrollments and reports
	{hints: []string{"username>", "username\\u003e", "password", "binarysecuritytoken", "serialnumber", "upn>", "upn\\u003e", "devicename", "pcname", "mdmservername", "organization", "aaddeviceid", "entdmid", "exchangeid", "nextnonce"}, expr: regexp.MustCompile(`(?s)(?:Username|Password|BinarySecurityToken|SerialNumber|UPN|Upn|DeviceName|PCName|MDMServerName|Organization|AADDeviceID|EntDMID|ExchangeID|NextNonce)(?:\s[^<>]{0,300})?(?:>|\\u003e|&gt;)([^<>\\&]{2,})(?:<|\\|&)`), group: 1},
	{hints: []string{"contextitem"}, expr: regexp.MustCompile(`(?s)<(?:\w+:)?ContextItem\s[^<>]*>\s*<(?:\w+:)?Value>([^<]{4,})<`), group: 1},
	{hints: []string{"<td"}, expr: regexp.MustCompile(`(?i)<td[^>]*>\s*(?:PC name|Organization|Serial number|Exchange ID|User|User name|Email|UPN|Managed by|Device name)\s*</td>\s*<td[^>]*>([^<]{2,})<`), group: 1},
	// words of people and values in events and faults
	{hints: []string{": ("}, expr: regexp.MustCompile(`(?:with server|String|(?i:user)|[Ii]nstall command|Friendly Name|Command): \(((?:[^()]|\([^()]*\)){2,})\)`), group: 1, spares: system},
	{expr: regexp.MustCompile(`Reason/Text=\(((?:[^()]|\([^()]*\)){2,})\)`), group: 1},
	{hints: []string{"text", "faultstring"}, expr: regexp.MustCompile(`<(?:\w+:)?(?:Text|faultstring)(?:\s[^<>]*)?>([^<]{2,})<`), group: 1},
	// the machine that a line of syslog is of
	{expr: regexp.MustCompile(`(?m)^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (\S+) `), group: 1},
	// names in LocURIs that servers and users choose
	{hints: []string{"dmclient/", "dmclient%", "dmclient\\/", "vpnv2", "wifi", "accounts", "scep", "pfxcert", "firewallrules"}, expr: regexp.MustCompile(`(?:DMClient/Provider|VPNv2|WiFi/Profile|Accounts/Users|SCEP|PFXCertInstall|FirewallRules)(?:/|%(?:25)*2[fF]|\\/)((?:[^/<>?\s"\\%&]|%(?:25)*20){2,})`), group: 1, spares: known},
	// certificates and other values in base64
	{secret: true, expr: regexp.MustCompile(`(?s)-----BEGIN [A-Z ]+-----(.+?)-----END`), group: 1},
	{secret: true, expr: regexp.MustCompile(`(?:[A-Za-z0-9+/_-]|%(?:25)*2[bBfF]){60,}`), spares: noBlob},
}

// publicHosts belong to nobody in particular.
var publicHosts = []string{"notify.windows.com", "login.live.com", "login.microsoftonline.com", "login.windows.net", "schemas.microsoft.com", "schemas.xmlsoap.org", "docs.oasis-open.org", "www.w3.org", "w3.org",
	"www.openmobilealliance.org", "manage.microsoft.com", "enterpriseregistration.windows.net", "graph.microsoft.com", "learn.microsoft.com", "github.com", "localhost", "127.0.0.1"}

func public(host string) bool {
	host = strings.ToLower(host)
	for _, p := range publicHosts {
		if host == p || strings.HasSuffix(host, "."+p) {
			return true
		}
	}
	return false
}

// system reports whether a value names an account that every Windows has, or none.
func system(v string) bool {
	switch strings.ToLower(v) {
	case "system", "nt", "n/a", "null", "nil", "none", "user", "others", "unknown", "true", "false", "device", "local", "s-1-5-18":
		return true
	}
	return public(v)
}

// known reports whether a ProviderID is one of products, which names nobody.
func known(v string) bool {
	switch strings.ToLower(v) {
	case "ms%20dm%20server", "fleet", "dmwake%20mdm", "push":
		return true
	}
	return false
}

// provider reports whether a GUID names an event provider, or nothing.
func provider(v string) bool {
	switch strings.ToLower(v) {
	case "3da494e4-0fe2-415c-b895-fb5265c5c83b", "3b9602ff-e09b-4c6c-bc19-1a3dfa8f2250", "0ec685cd-64e4-4375-92ad-4086b6af5f1d",
		"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff":
		return true
	}
	return false
}

// noAddress reports whether four numbers are no address, or that of no machine.
func noAddress(v string) bool {
	for part := range strings.SplitSeq(v, ".") {
		if number(part) > 255 {
			return true
		}
	}
	return v == "0.0.0.0" || v == "127.0.0.1"
}

// noBlob reports whether a long run is a path rather than base64.
func noBlob(v string) bool {
	digits := 0
	for i := 0; i < len(v); i++ {
		if v[i] == '%' {
			i += 2
		} else if isDigit(v[i]) {
			digits++
		}
	}
	return digits*20 < len(v) || strings.Contains(v, "Vendor") || strings.Contains(v, "MSFT")
}

// keptWords stay wherever they stand: the vocabulary of the protocol, of event logs
// and of host names.
var keptWords = set(`syncml synchdr syncbody add alert atomic copy delete exec get replace results sequence status final user users others none device vendor msft true false
	com net org example local localhost onmicrosoft www mdm https http microsoft windows server client provider push node text plain xml http chr int bool
	com.microsoft loginstatus unenrollment userrequest system admin administrator root config policy error warning information data message value name
	enrollment management session command result failed manage enroll devices discovery login portal cloud mobile auth intune fleet notify service services certificate`)

// maxLabels bounds the labels: each is looked for in the whole text.
const maxLabels = 200

// learn notes the words of a personal value.
func (a *anonymizer) learn(value string, host bool) {
	for i := 0; i < len(value); {
		if m := escape.FindString(value[i:min(len(value), i+24)]); m != "" {
			i += len(m)
			continue
		}
		if !isWord(value[i]) {
			i++
			continue
		}
		end := i
		for end < len(value) && isWord(value[end]) {
			end++
		}
		w := strings.ToLower(value[i:end])
		i = end
		if a.kept[w] || keptWords[w] || len(w) < 3 || len(w) < 6 && strings.Trim(w, "0123456789") == "" {
			continue
		}
		a.personal[w] = true
		if host && len(w) > 4 && len(a.labels) < maxLabels && !identifier(w) {
			a.labels[w] = true
		}
	}
}

var (
	tagName = regexp.MustCompile(`</?(?:[\w.-]+:)?([A-Za-z][\w.-]*)`)
	locURI  = regexp.MustCompile(`<(?:[\w.-]+:)?LocURI>\s*(\.[^<]*)<`)
	chosen  = regexp.MustCompile(`(?:DMClient/Provider|VPNv2|WiFi/Profile|Accounts/Users|SCEP|PFXCertInstall|FirewallRules|MSI|AppInstallation|ADMXInstall|Root|CA|Win32CompatibilityAppraiser)/([^/?]+)`)
)

// keepWords notes the words that a document has in its tags and in the fixed parts of
// its LocURIs: they name no person.
func (a *anonymizer) keepWords(doc string) {
	for _, m := range tagName.FindAllStringSubmatch(doc, -1) {
		a.kept[strings.ToLower(m[1])] = true
	}
	for _, m := range locURI.FindAllStringSubmatch(doc, -1) {
		for part := range strings.SplitSeq(chosen.ReplaceAllString(m[1], ""), "/") {
			if w := strings.ToLower(part); len(w) < 64 && !identifier(w) {
				a.kept[w] = true
			}
		}
	}
}

var inMarkup = regexp.MustCompile(`>([^<>]+)<|=\s*"([^"]*)"`)

// learnMessage notes what a message tells of a device and its user: who sent it, its
// credential, and the values of nodes.
func (a *anonymizer) learnMessage(m *Message) {
	for _, loc := range []syncml.Loc{m.Hdr.Source, m.Hdr.Target} {
		a.learn(loc.LocName, false)
		if !isURL(loc.LocURI) {
			a.learn(loc.LocURI, false)
		}
	}
	if m.Hdr.Cred != nil {
		a.learn(m.Hdr.Cred.Data, false)
	}
	m.Walk(func(c *syncml.Command) {
		if c.Chal != nil {
			a.learn(c.Chal.Meta.NextNonce, false)
		}
		for i := range c.Items {
			a.learnValue(c.Items[i].Data)
		}
	})
}

// learnValue notes the words of a value. Of markup it takes the texts and attributes.
func (a *anonymizer) learnValue(v string) {
	if u, err := url.Parse(v); err == nil && public(u.Hostname()) {
		a.learn(u.Path, false)
		for _, list := range u.Query() {
			a.learn(strings.Join(list, " "), false)
		}
		return
	}
	if !strings.Contains(v, "<") {
		a.learn(v, false)
		return
	}
	a.keepWords(v)
	for _, m := range inMarkup.FindAllStringSubmatch(v, -1) {
		a.learn(m[1], false)
		a.learn(m[2], false)
	}
}
