package ddf

// ReadIndex reads the index of the embedded table.
func ReadIndex() (int, error) {
	t, err := readTable(factsBin)
	if err != nil {
		return 0, err
	}
	return len(t.Areas), nil
}
