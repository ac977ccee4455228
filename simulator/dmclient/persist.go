package dmclient

import "fmt"

// persist stores the device, if that is wanted.
func (d *Device) persist() error {
	if d.cfg.Persist == nil {
		return nil
	}
	if err := d.cfg.Persist(d); err != nil {
		return fmt.Errorf("%w: %w", ErrNotStored, err)
	}
	return nil
}
