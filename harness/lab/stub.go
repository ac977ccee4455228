package lab

// Snapshot is a stand-in.
type Snapshot struct{}

// Diff is a stand-in.
func (Snapshot) Diff(Snapshot) []string { return nil }

// Snapshot is a stand-in.
func (l *Lab) Snapshot() Snapshot { return Snapshot{} }

// Alone is a stand-in.
func (l *Lab) Alone(setup string) (*Lab, func(), error) {
	x, err := l.As(setup)
	return x, func() {}, err
}
