package fakewns

import (
	"fmt"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/faultspec"
	"github.com/dmwake/dmwake/harness/redact"
)

// String is the fault as it is written, with the requests that it is bound to and how
// often it happened. A channel's URI is a secret and is not shown.
func (f ActiveFault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on=%s", f.Name, f.On)
	channel := f.Channel
	if strings.Contains(channel, "?") {
		channel = redact.Hidden
	}
	for _, w := range [][2]string{{"app", f.App}, {"channel", channel}, {"device", f.Device}, {"namespace", f.Namespace}, {"header", f.Header}} {
		if w[1] != "" {
			b.WriteString(" " + w[0] + "=" + faultspec.Quote(w[1]))
		}
	}
	if f.Times > 0 {
		fmt.Fprintf(&b, " times=%d", f.Times)
	}
	if f.Probability > 0 {
		fmt.Fprintf(&b, " probability=%g", f.Probability)
	}
	if !f.From.IsZero() {
		b.WriteString(", from " + f.From.Format(time.RFC3339))
	}
	if !f.Until.IsZero() {
		b.WriteString(", until " + f.Until.Format(time.RFC3339))
	}
	fmt.Fprintf(&b, ", happened %d times", f.Hits)
	return b.String()
}
