package console

import "net/http"

// Devices are the lab's own devices.
type Devices interface{}

func (c *console) everyDevice() map[string]bool {
	out := map[string]bool{}
	for _, ch := range c.WNS.Channels("") {
		out[ch.Device] = true
	}
	return out
}
func (c *console) devices(r *http.Request) (*view, error) { return nil, missing{"soon"} }
func (c *console) device(r *http.Request) (*view, error)  { return nil, missing{"soon"} }
func (c *console) session(r *http.Request) (*view, error) { return nil, missing{"soon"} }
