package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// csps is the page of every configuration service provider.
func csps() (*page, error) {
	set, err := ddf.Facts()
	if err == nil {
		set, err = set.WithOwn()
	}
	if err != nil {
		return nil, err
	}
	p := begin("csps.md", "CSPs", "every CSP and policy area")
	areas := set.Areas()
	p.f("The simulated devices do something in the CSPs of the first part; what the DDF describes besides is there, keeps values and checks them. How devices answer: [csp](../csp.md). `dmwake csp list NAME` prints the nodes of one, `dmwake csp PATH` what a node takes.\n")
	p.f("\n## CSPs that do something\n")
	p.head("CSP", "what it is")
	all := csp.All()
	for i := range all {
		about, _, _ := strings.Cut(remark(&all[i])+" ", ". ")
		about, _, _ = strings.Cut(about, " (")
		p.row(link(all[i].Name, "#"+slug(all[i].Name)), escaped(strings.TrimPrefix(about, all[i].Name+": ")))
	}
	for i := range all {
		if err := p.csp(&all[i]); err != nil {
			return nil, err
		}
	}
	p.f("\n## All CSPs\n\nFrom Microsoft's DDF v2 files of February 2025 ([Learn](https://learn.microsoft.com/windows/client-management/mdm/configuration-service-provider-ddf)), and from dmwake's own descriptions.\n")
	p.described(set, areas, false)
	p.f("\n## Policy areas\n\nBelow `Policy/Config`, for example `./Device/Vendor/MSFT/Policy/Config/Camera`.\n")
	p.described(set, areas, true)
	return p, nil
}

// csp writes what a device does in a CSP.
func (p *page) csp(c *csp.CSP) error {
	nodes, err := c.Nodes()
	if err != nil {
		return err
	}
	p.heading(3, c.Name, "CSP", "what the devices do")
	p.f("%s\n", escaped(remark(c)))
	p.head("", "")
	p.fact("root", code(nodes[0].Path))
	version := c.Version
	for _, r := range c.Newer {
		version += fmt.Sprintf(", %s from build %d on", r.Version, r.Build)
	}
	p.fact("version in CSPVersions", version)
	var has []string
	for _, w := range dmclient.Profiles() {
		n := 0
		for i := range nodes {
			if nodes[i].On(csp.Platform{Build: w.Build, Phone: w.Phone}) {
				n++
			}
		}
		if n > 0 {
			has = append(has, fmt.Sprintf("%d on %s", n, w.Name))
		}
	}
	p.fact("nodes", strings.Join(has, ", "))
	acting := c.Acting()
	for i := range acting {
		acting[i] = code(strings.TrimSuffix(nodes[0].Path[strings.LastIndexByte(nodes[0].Path, '/')+1:]+"/"+acting[i], "/"))
	}
	p.fact("nodes that act", strings.Join(acting, ", "))
	p.fact("described in", toTree(c))
	return nil
}

// remark is what a description begins with.
func remark(c *csp.CSP) string {
	if remarks := c.Remarks(); len(remarks) > 0 {
		return remarks[0]
	}
	return ""
}

// described is the table of the CSPs, or of the areas of policies.
func (p *page) described(set *ddf.Set, areas []ddf.Area, policies bool) {
	files := map[string][]string{}
	nodes := set.Nodes()
	for i := range nodes {
		n := &nodes[i]
		if area := n.Area(); !slices.Contains(files[area], n.File) {
			files[area] = append(files[area], n.File)
		}
	}
	acting := map[string]bool{}
	for _, c := range csp.All() {
		acting[c.Name] = true
	}
	p.head("name", "nodes", "described by")
	for _, a := range areas {
		name, isPolicy := strings.CutPrefix(a.Name, "Policy/")
		if isPolicy != policies {
			continue
		}
		kind, id := "CSP", "csp-"+a.Name
		if policies {
			kind, id = "policy area", "policy-"+name
		}
		described := strings.Join(files[a.Name], ", ")
		if acting[a.Name] {
			described += ", " + link("acts", "#"+slug(a.Name))
		}
		p.row(p.named(id, a.Name, kind, count(a.Nodes, "node")), fmt.Sprint(a.Nodes), described)
	}
}

func toTree(c *csp.CSP) string {
	return link(code("simulator/csp/"+c.File()), "../../../simulator/csp/"+c.File())
}
