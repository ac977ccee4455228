package dmclient

import "time"

// packedLink is a link in a device's record; Device is the record of the linked
// enrollment.
type packedLink struct {
	Task     linkTask  `json:"t,omitempty"`
	At       time.Time `json:"a,omitzero"`
	Endpoint string    `json:"e,omitempty"`
	Device   []byte    `json:"d,omitempty"`
}

func (d *Device) packLink(p Packing) (*packedLink, error) {
	d.mu.Lock()
	if d.link == nil {
		d.mu.Unlock()
		return nil, nil
	}
	l := *d.link
	d.mu.Unlock()
	out := &packedLink{Task: l.task, At: l.at, Endpoint: l.endpoint}
	if l.device == nil {
		return out, nil
	}
	var err error
	out.Device, err = l.device.Pack(p)
	return out, err
}

func (d *Device) unpackLink(k *packedLink, p Packing) error {
	if k == nil {
		return nil
	}
	d.link = &link{task: k.Task, at: k.At, endpoint: k.Endpoint}
	if k.Device == nil {
		return nil
	}
	child, err := unpack(d.linkedConfig(k.Endpoint), p, k.Device, d)
	if err != nil {
		return err
	}
	d.link.device = child
	return nil
}
