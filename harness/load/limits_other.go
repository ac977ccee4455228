//go:build !unix

package load

// enough has nothing to ask for here.
func enough(*Options) error { return nil }

// reasonable is how many sessions at a time are.
func (o *Options) reasonable() int { return sessions }
