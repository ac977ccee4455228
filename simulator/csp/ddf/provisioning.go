package ddf

import (
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/simulator/csp"
)

// datatypes are a parm's types and the formats that they mean (Learn,
// "Structure of OMA DM provisioning files").
var datatypes = map[string]csp.Format{"integer": csp.Int, "int": csp.Int, "boolean": csp.Bool, "string": csp.Chr, "binary": csp.B64}

// provisioning reads the characteristics of a wap-provisioningdoc. Their types are
// the names of nodes from the CSP down, without a scope: a characteristic adds an
// interior node, a parm sets a value. The w7 APPLICATION has no place in the tree.
func (r *commandReader) provisioning(e *element, above []string) {
	for _, k := range e.kids {
		switch {
		case strings.EqualFold(k.name, "characteristic"):
			name := k.attr("type")
			if len(above) == 0 && strings.EqualFold(name, "APPLICATION") {
				continue
			}
			path := append(append([]string(nil), above...), name)
			if len(path) > maxDepth {
				continue
			}
			r.provisioning(k, path)
		case strings.EqualFold(k.name, "parm") && len(above) > 0:
			format := csp.Format(strings.ToLower(k.attr("datatype")))
			if f, ok := datatypes[string(format)]; ok {
				format = f
			}
			r.out = append(r.out, Command{Verb: verbSet, LocURI: locURI(append(append([]string(nil), above...), k.attr("name"))),
				Format: string(format), Data: k.attr("value"), Provisioning: true, At: k.at})
		}
	}
}

func locURI(list []string) string {
	var b strings.Builder
	b.WriteString("./Vendor/MSFT")
	if strings.EqualFold(list[0], "DevInfo") || strings.EqualFold(list[0], "DevDetail") {
		b.Reset()
		b.WriteString(".")
	}
	for _, name := range list {
		b.WriteString("/" + url.PathEscape(name))
	}
	return b.String()
}
