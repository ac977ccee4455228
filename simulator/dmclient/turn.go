package dmclient

import "context"

// turn is a mutex that can be waited for no longer than a context lasts: a
// session with a server that never answers must not hold up what was called off.
// Its capacity is 1.
type turn chan struct{}

func (t turn) Lock()   { t <- struct{}{} }
func (t turn) Unlock() { <-t }

// take is Lock that gives up when ctx ends.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
