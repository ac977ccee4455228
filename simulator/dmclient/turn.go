package dmclient

import "context"

// turn is a mutex with a context: a session with a server that never answers
// must not block callers with an ended context. Its capacity is 1.
type turn chan struct{}

func (t turn) Lock()   { t <- struct{}{} }
func (t turn) Unlock() { <-t }

// take is Lock with a context. With one that has ended it never takes the turn,
// even if the turn is free.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		if err := ctx.Err(); err != nil {
			t.Unlock()
			return err
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
