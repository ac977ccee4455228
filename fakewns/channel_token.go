package fakewns

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"
)

// channelToken is the secret in a channel's URI, decoded. A real one is base64,
// percent-encoded in the URI's query [seen].
type channelToken string

const (
	channelTokenKey    = "token="
	channelTokenPrefix = "AwY"
	// Every token has all the characters that need encoding, so that a sender
	// that re-encodes the URI is caught.
	channelTokenSuffix = "+/="
)

// newChannelToken makes a token of random bytes.
func newChannelToken(random []byte) channelToken {
	return channelToken(channelTokenPrefix + base64.StdEncoding.EncodeToString(random) + channelTokenSuffix)
}

// The lower case of %2b differs from what most libraries write [seen].
var escaper = strings.NewReplacer("+", "%2b", "/", "%2f", "=", "%3d")

// query is the token as this service writes it into a URI.
func (t channelToken) query() string { return channelTokenKey + escaper.Replace(string(t)) }

// channelTokenOf reads a URI's query in any encoding; empty if it has no token.
func channelTokenOf(rawQuery string) channelToken {
	q, err := url.ParseQuery(rawQuery)
	if err != nil {
		return ""
	}
	// A "+" that was decoded and not encoded again arrives as a space.
	return channelToken(strings.ReplaceAll(q.Get("token"), " ", "+"))
}

// sameQuery reports whether two queries are equal up to the case of their
// percent-encoding. Some libraries write upper case, which means the same (RFC
// 3986 section 6.2.2.1).
func sameQuery(a, b string) bool { return a == b || upperHex(a) == upperHex(b) }

func upperHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToUpper(b[i+1:i+3]))
		}
	}
	return string(b)
}

// Redacted is the channel with the token removed from its URI.
func (c Channel) Redacted() Channel {
	base, _, _ := strings.Cut(c.URI, channelTokenKey)
	c.URI = base + channelTokenKey + redact.Hidden
	return c
}
