//go:build !unix

package load

// checkLimits has no limits to check on this system.
func (o *Options) checkLimits() error { return nil }

func (o *Options) reasonableWorkers() int { return maxSessions }
