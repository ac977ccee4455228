package redact

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// shownHeaders are the headers whose values hold no credentials. Of all others only the
// name and the length are shown: a misspelt Authorization is one of them.
var shownHeaders = func() map[string]bool {
	out := map[string]bool{}
	for _, name := range strings.Fields(`Accept Accept-Charset Accept-Encoding Accept-Language Age Allow Alt-Svc Cache-Control Connection Content-Disposition Content-Encoding Content-Language
		Content-Length Content-Md5 Content-Range Content-Type Date Etag Expect Expires From Host If-Match If-Modified-Since If-None-Match Keep-Alive Last-Modified Max-Forwards Mime-Version
		Ms-Cv Ms-Cv-Base Ms-Signature Origin Pragma Range Retry-After Server Soapaction Strict-Transport-Security Te Trailer Transfer-Encoding Upgrade User-Agent Vary Via Warning
		Client-Request-Id Request-Id X-Request-Id X-Correlation-Id X-Ms-Request-Id X-Ms-Correlation-Id Traceparent Cc-Source Pfn X-Aspnet-Version X-Content-Type-Options X-Frame-Options X-Powered-By`) {
		out[name] = true
	}
	return out
}()

// shownPrefixes begin the names of families of headers: WNS's own.
var shownPrefixes = []string{"X-Wns-", "Sec-Fetch-", "Access-Control-"}

// Header is the value of a header as it may be shown: the whole if its name is known to
// hold no credentials, else the scheme of an Authorization and the length.
func Header(name, value string) string {
	canonical := http.CanonicalHeaderKey(name)
	known := shownHeaders[canonical]
	for _, p := range shownPrefixes {
		known = known || strings.HasPrefix(canonical, p)
	}
	if known {
		return Text(value)
	}
	if len(value) <= 2 || strings.TrimSpace(value) == "" || strings.Contains(value, Hidden) { // "1" is no secret
		return value
	}
	if canonical == "Www-Authenticate" || canonical == "Proxy-Authenticate" || canonical == "Location" || canonical == "Referer" || canonical == "Content-Location" || canonical == "Link" {
		return URLs(value)
	}
	scheme, rest, found := strings.Cut(value, " ")
	if found && schemes[lower(scheme)] && rest != "" {
		return scheme + " " + sized(rest)
	}
	return sized(value)
}

// sized stands for a secret whose length is worth seeing.
func sized(secret string) string {
	return fmt.Sprintf("%s (%d characters)", Hidden, utf8.RuneCountInString(secret))
}

// Headers are headers as they may be shown; h stays as it is.
func Headers(h http.Header) http.Header {
	if h == nil {
		return nil
	}
	out := make(http.Header, len(h))
	for name, values := range h {
		list := make([]string, len(values))
		for i, v := range values {
			list[i] = Header(name, v)
		}
		out[name] = list
	}
	return out
}

// shownFields are the fields of a token request that are no secrets, and of its answer.
var shownFields = map[string]bool{"grant_type": true, "scope": true, "client_id": true, "token_type": true, "expires_in": true, "resource": true, "client_assertion_type": true, "error": true, "error_description": true}

// requestFields show that a body is a token request, wherever it was sent.
var requestFields = []string{"grant_type", "client_secret", "client_assertion", "client_id", "refresh_token"}

var fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z_.-]{0,39}$`)

// Field is the name of a field as it may be shown: a body that is no form puts its
// content there.
func Field(name string) string {
	if fieldName.MatchString(name) {
		return name
	}
	return Hidden
}

// Form is the form of a token request as it may be shown: all names, and the values of
// what is known to be no secret.
func Form(f url.Values) url.Values {
	if f == nil {
		return nil
	}
	out := make(url.Values, len(f))
	for name, values := range f {
		shown := Field(name)
		for _, v := range values {
			switch {
			case shownFields[name]:
				v = Text(v)
			case v != "":
				v = Hidden
			}
			out[shown] = append(out[shown], v)
		}
	}
	return out
}

// Body is the body of a request as it may be shown. What is sent as a form or as JSON,
// or has fields of a token request, shows only the fields that are known to be no
// secrets; the payload of a notification is shown as Text shows it.
func Body(contentType string, body []byte) string {
	s := string(body)
	if strings.HasPrefix(s, Hidden) {
		return s // an entry of a journal that was kept
	}
	contentType = lower(contentType)
	isForm := strings.Contains(contentType, "form-urlencoded")
	isJSON := strings.Contains(contentType, "json")
	low := lower(s)
	asked := false
	for _, f := range requestFields {
		asked = asked || strings.Contains(low, f)
	}
	if isForm || isJSON || asked {
		var v any
		if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
			if json.Unmarshal(body, &v) == nil {
				if raw, err := json.Marshal(onlyShown("", v)); err == nil {
					return string(raw)
				}
			}
		} else if strings.Contains(s, "=") && (isForm || !strings.ContainsAny(s, "<\n")) {
			return query(s)
		}
		if isForm || isJSON {
			return sized(s)
		}
	}
	return Text(s)
}

// onlyShown is a JSON value without what is not known to be no secret.
func onlyShown(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, inner := range v {
			out[Field(k)] = onlyShown(k, inner)
		}
		return out
	case []any:
		for i := range v {
			v[i] = onlyShown(name, v[i])
		}
		return v
	case string:
		switch {
		case shownFields[name]:
			return Text(v)
		case v != "":
			return Hidden
		}
	case float64:
		if !shownFields[name] {
			return Hidden
		}
	}
	return v
}

// query is a query or a form, in its order, as it may be shown. Of the token of a channel
// URI the beginning is shown, which identifies the channel.
func query(q string) string {
	pairs := strings.Split(q, "&")
	for i, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		switch {
		case strings.Contains(pair, Hidden):
		case err != nil, !found && pair != "" && !fieldName.MatchString(plain), found && !fieldName.MatchString(plain):
			pairs[i] = sized(pair)
		case !found || value == "":
		case shownFields[plain]:
			pairs[i] = name + "=" + Text(value)
		case lower(plain) == "token":
			pairs[i] = name + "=" + value[:channelHead(value)] + "..." + Hidden
		default:
			pairs[i] = name + "=" + Hidden
		}
	}
	return strings.Join(pairs, "&")
}

// channelHead is how much of a channel's token is shown: six letters and digits at most,
// and a quarter of it.
func channelHead(token string) int {
	n := 0
	for n < min(len(token)/4, 6) && (token[n] >= '0' && token[n] <= '9' || token[n]|0x20 >= 'a' && token[n]|0x20 <= 'z') {
		n++
	}
	return n
}

// shownSegments are parts of the paths of WNS, of the token endpoints, and of MDM
// servers.
var shownSegments = func() map[string]bool {
	out := map[string]bool{}
	for _, s := range strings.Fields(`accesstoken.srf oauth2 v1.0 v2.0 token authorize common organizations consumers discovery keys openid-configuration .well-known w wns notify notifications push
		api mdm manage omadm devicemanagement enrollmentserver discovery.svc policy.svc enrollment.svc windows fleet microsoft`) {
		out[s] = true
	}
	return out
}()

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$`)

// Target is the target of a request, as in the request line, as it may be shown: of a
// path the parts that are known, and of others the beginning and the length.
func Target(target string) string {
	path, rest, found := strings.Cut(target, "?")
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if i == 2 && strings.HasSuffix(parts[0], ":") { // the host of an absolute target
			if at := strings.LastIndexByte(p, '@'); at >= 0 {
				parts[i] = Hidden + p[at:]
			}
			continue
		}
		if len(p) <= 2 || i == 0 && strings.HasSuffix(p, ":") || shownSegments[lower(p)] || guid.MatchString(p) || strings.Contains(p, Hidden) {
			continue
		}
		parts[i] = p[:min(len(p)/4, 4)] + "..." + sized(p)
	}
	out := strings.Join(parts, "/")
	if found {
		out += "?" + query(rest)
	}
	return out
}

var anyURL = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]+`)

// URLs is a text whose URLs are shown as Target shows them.
func URLs(s string) string {
	return Text(anyURL.ReplaceAllStringFunc(s, func(u string) string {
		base, fragment, _ := strings.Cut(u, "#")
		if fragment != "" {
			return Target(base) + "#" + Hidden
		}
		return Target(base)
	}))
}
