package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// maxReads bounds how often Snapshot begins again.
const maxReads = 100

// Snapshot reads the records of a file, also while another process has it open and
// writes. It shows the state after one of that process's changes, and changes nothing.
func Snapshot(path string, kind Kind, f func(bucket string, key, value []byte) error) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the state file %s does not exist", path)
	} else if err != nil {
		return fmt.Errorf("the state file: %w", err)
	}
	defer file.Close()
	// A page that is read while it is written looks like damage. Then there is a later
	// change.
	var c *found
	for same, all, at := 0, 0, uint64(0); same < 2; all++ {
		if all == maxReads {
			return fmt.Errorf("the state file %s %w, and changes too fast to be read beside it", path, ErrInUse)
		}
		if c, _, err = checkWith(file, true); err != nil {
			return notOurs(path)
		}
		if c.wrong == nil {
			break
		}
		if c.txid == at {
			same++
		}
		at = c.txid
	}
	if err := c.refuse(path, kind); err != nil {
		return err
	}
	if c.wrong != nil {
		return fmt.Errorf("the state file %s is damaged (%w); the next command that writes to it keeps it aside and goes on with what can be read", path, c.wrong)
	}
	for _, r := range c.records {
		if err := f(r.bucket, r.key, r.value); err != nil {
			return err
		}
	}
	return nil
}
