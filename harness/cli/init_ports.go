package cli

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
)

// ports checks that dmwake can listen where the file says. A default that is taken is
// replaced by the next free port; what was chosen stays.
func (f *initFlags) ports() (notes []string) {
	c := target.Config{WNS: target.WNS{Mode: f.v.Mode, Listen: f.v.Listen, Proxy: f.v.Proxy}}
	c.Defaults()
	used := map[string]bool{}
	pushes := !f.pushless() // else the file names no address, and any port will do
	for _, p := range []struct {
		flag, key, addr string
		to              *string
		needed          bool
	}{
		{"wns-listen", "wns.listen", c.WNS.Listen, &f.v.Listen, pushes || f.given["wns-listen"]},
		{"proxy", "wns.proxy", c.WNS.Proxy, &f.v.Proxy, c.WNS.Mode == "proxy" && (pushes || f.given["proxy"])},
		{"directory", "target.directory.listen", f.v.Directory, &f.v.Directory, f.of.Uses("directory")},
	} {
		if !p.needed {
			continue
		}
		ln, err := lab.Listen(p.key, p.addr)
		if err == nil && !used[p.addr] {
			ln.Close()
			used[p.addr] = !strings.HasSuffix(p.addr, target.AutoPort)
			continue
		}
		if err == nil {
			ln.Close()
			err = fmt.Errorf("%s: %s is also another address of this file", p.key, p.addr)
		}
		next := nextFree(p.addr, used)
		if f.given[p.flag] || next == "" {
			notes = append(notes, err.Error())
			continue
		}
		*p.to, used[next] = next, true
		notes = append(notes, fmt.Sprintf("%s is in use by another program, so %s is %s.", p.addr, p.key, next))
	}
	return notes
}

// nextFree is an address with one of the next ports; empty if none is free, or if the
// port is one that servers connect to by its number.
func nextFree(addr string, used map[string]bool) string {
	host, port, err := net.SplitHostPort(addr)
	first, bad := strconv.Atoi(port)
	if err != nil || bad != nil || first < 1024 {
		return ""
	}
	for p := first + 1; p <= min(first+50, 65535); p++ {
		next := net.JoinHostPort(host, strconv.Itoa(p))
		if used[next] {
			continue
		}
		if ln, err := net.Listen("tcp", next); err == nil {
			ln.Close()
			return next
		}
	}
	return ""
}
