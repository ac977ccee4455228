package cli

import (
	"context"
	"fmt"

	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// syncLinked runs what belongs to the linked enrollment after a session of its device:
// the task that makes or ends it, or else a session of its own. Windows does both by
// itself, in the background.
func (b *bench) syncLinked(ctx context.Context, d *dmclient.Device) error {
	var session *dmclient.Session
	var err error
	switch child := d.Linked(); {
	case d.LinkPending():
		session, err = d.Link(ctx)
	case child != nil:
		session, err = child.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginUser})
	default:
		return nil
	}
	if session != nil {
		b.held(d, session, err)
	}
	if err != nil {
		return fmt.Errorf("linked enrollment: %w", err)
	}
	if session != nil && !b.f.verbose && !b.f.quiet {
		b.print.line("%-16s linked enrollment: %s, %s", d.Identity().Name, wording.Count(len(session.Commands), "command"), session.End)
	}
	return nil
}
