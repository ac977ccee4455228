package mdmserver

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// statusExpired is the Push/Status of a channel that expired.
const statusExpired = 5

// pfnStatus takes the status of Add or Replace of the PFN.
func (d *Device) pfnStatus(p Purpose, code int) {
	d.Push.Code = code
	switch {
	case syncml.Success(code):
		d.Push.PFNSet, d.Push.Reset, d.Push.Failures = true, false, 0
	case p == ForAddPFN && code == syncml.AlreadyExists:
		// The node exists, from an earlier enrollment or another account: write it
		// by Replace.
		d.Session.Replace = true
	default:
		d.Push.Failures++
	}
}

// channelFailed takes the status of a Get of ChannelURI that failed.
func (s *Server) channelFailed(d *Device, code int) {
	old := d.Push.URI
	d.Push.URI = ""
	if code == syncml.NotFound {
		d.Push.PFNSet = false // Push is gone: set it up again next time
	}
	s.changed(Change{Moment: ChannelFailed, Device: d, OldURI: old, Code: code})
}

// channelTold takes the answer of a Get of ChannelURI.
func (s *Server) channelTold(d *Device, uri string) {
	if uri != "" && !s.allowed(uri) {
		s.log.Warn("channel URI refused", "device", d.ID)
		uri = ""
	}
	old := d.Push.URI
	d.Push.URI = uri
	s.changed(Change{Moment: ChannelTold, Device: d, URI: uri, OldURI: old})
}

// statusTold takes the answer of a Get of Push/Status.
func (s *Server) statusTold(d *Device, data string) {
	n, err := strconv.Atoi(strings.TrimSpace(data))
	if err != nil {
		n = -1
	}
	d.Push.Status = n
	if n == statusExpired {
		d.Push.Reset = true
	}
	s.changed(Change{Moment: StatusTold, Device: d, Code: n})
}

// allowed tells whether the server may post to a channel URI: https, a host of
// the push service, no user information. A device chooses the URI, so anything
// else would let it aim the server at others.
func (s *Server) allowed(raw string) bool {
	u, err := url.Parse(raw)
	ok := err == nil && u.Scheme == "https" && u.User == nil && s.pushHost(u.Host)
	for _, f := range s.cfg.Tamper.Channel {
		ok = f(&s.cfg, raw, ok)
	}
	return ok
}

func (s *Server) pushHost(host string) bool {
	for _, h := range s.cfg.ChannelHosts {
		if !strings.HasPrefix(h, ".") {
			if host == h {
				return true
			}
			continue
		}
		if label, found := strings.CutSuffix(host, h); found && label != "" && !strings.Contains(label, ".") {
			return true
		}
	}
	return false
}
