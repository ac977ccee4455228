package intercept

import (
	"crypto/x509"
	"net"
	"slices"
	"strings"
)

// permitted is what a CA may sign for: DNS names with all that end in them, and ranges
// of addresses.
type permitted struct {
	domains []string
	ranges  []*net.IPNet
}

// usual are the names of WNS and of loopback.
func usual() permitted {
	return permitted{
		domains: []string{LiveHost, EntraHost, strings.TrimPrefix(WNSSuffix, "."), "localhost"},
		ranges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
	}
}

// add permits more hosts or addresses. An unspecified address, as in 0.0.0.0:7443,
// stands for all addresses of this machine.
func (p permitted) add(names []string) permitted {
	p.domains, p.ranges = slices.Clone(p.domains), slices.Clone(p.ranges)
	for _, name := range hosts(names) {
		switch ip := net.ParseIP(name); {
		case p.permits(name):
		case ip == nil:
			p.domains = append(p.domains, name)
		default:
			if four := ip.To4(); four != nil {
				ip = four
			}
			p.ranges = append(p.ranges, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
		}
	}
	return p
}

// hosts are names in lower case, without empty ones, and with this machine's addresses
// for an unspecified one.
func hosts(names []string) (out []string) {
	for _, name := range names {
		name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
		switch ip := net.ParseIP(name); {
		case name == "":
		case ip != nil && ip.IsUnspecified():
			out = append(out, ownAddresses()...)
		default:
			out = append(out, name)
		}
	}
	return out
}

func ownAddresses() (out []string) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			out = append(out, n.IP.String())
		}
	}
	return out
}

func (p permitted) permits(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return slices.ContainsFunc(p.ranges, func(n *net.IPNet) bool { return n.Contains(ip) })
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(p.domains, func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
}

func (p permitted) String() string {
	out := slices.Clone(p.domains)
	for _, n := range p.ranges {
		out = append(out, n.String())
	}
	return strings.Join(out, ", ")
}

// constrained reports whether a CA's certificate limits what it may sign for.
func constrained(cert *x509.Certificate) bool {
	return len(cert.PermittedDNSDomains) > 0 || len(cert.PermittedIPRanges) > 0
}

// permitted is what the CA may sign for, if it is constrained.
func (c *CA) permitted() permitted {
	return permitted{c.cert.PermittedDNSDomains, c.cert.PermittedIPRanges}
}

func (c *CA) permits(host string) bool { return !constrained(c.cert) || c.permitted().permits(host) }
