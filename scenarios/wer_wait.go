package scenarios

import (
	"strconv"
	"time"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
)

// retryAfter makes WNS answer two pushes with a status and Retry-After, and watches the
// server until that time has passed since the first answer.
func retryAfter(t *T, status int) {
	const after = 2
	d := t.WithChannel()
	usual := usualPushes(d)
	t.Inject(fakewns.Fault{Name: "wait", On: fakewns.Notification, Device: d.Identity().DeviceID, Status: status, RetryAfter: strconv.Itoa(after)})
	m := d.Mark()
	t.PushInBackground(d)
	first := faulted(d, m)
	// A tenth of a second for clocks that round.
	end := first.At.Add(after*time.Second - 100*time.Millisecond)
	t.Until(first.At.Add(after * time.Second / 4))
	t.PushInBackground(d) // the time is the channel's, not that of one notification
	t.Until(end)
	list := upTo(d.PushesFrom(m, first), end)
	noteFirst(t, list)
	t.Expect(len(list), "notifications for two pushes within the %d seconds of Retry-After, including the first", after).To(BeNumerically("<=", usual))
}
