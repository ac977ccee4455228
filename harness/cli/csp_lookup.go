package cli

import (
	"cmp"
	"strings"

	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

// lookedUp is what a path means.
type lookedUp struct {
	nodes []*ddf.Node
	// other says that the nodes are in the other part of the tree: ./Device, where the
	// path has ./User, or the reverse.
	other bool
	// ingested is the LocURI of a policy of an ADMX file that a server ingests.
	ingested string
}

// lookUp finds a LocURI, in the other scope as well, or the end of one. In it a name of
// the server's own stands for a dynamic one, and "Policy/Camera/AllowCamera", as
// "csp list" names areas, for its address.
func lookUp(set *ddf.Set, path string) (found lookedUp, err error) {
	path, _, _ = strings.Cut(strings.TrimSpace(path), "?")
	low := strings.ToLower(path)
	if strings.HasPrefix(path, ".") || strings.HasPrefix(low, "device/") || strings.HasPrefix(low, "user/") || strings.HasPrefix(low, "vendor/") {
		m, err := set.Find(path)
		switch {
		case err != nil:
			return found, err
		case m.Ingested:
			found.ingested = path
		case m.Node != nil:
			found.nodes = []*ddf.Node{m.Node}
		case m.Other != nil:
			found.nodes, found.other = []*ddf.Node{m.Other}, true
		}
		return found, nil
	}
	want := strings.Split(strings.Trim(path, "/"), "/")
	if n := len(want); n > 1 && strings.EqualFold(want[0], "Policy") && !strings.EqualFold(want[1], "Config") && !strings.EqualFold(want[1], "Result") && !strings.EqualFold(want[1], "ConfigOperations") {
		want = append([]string{want[0], "Config"}, want[1:]...)
	}
	nodes := set.Nodes()
	end := "/" + strings.ToLower(strings.Join(want, "/"))
	for i := range nodes {
		if strings.HasSuffix(strings.ToLower(nodes[i].Path), end) {
			found.nodes = append(found.nodes, &nodes[i])
		}
	}
	if len(found.nodes) > 0 {
		return found, nil
	}
	seen := map[string]bool{}
	for i := range nodes {
		uri, ok := withNames(nodes[i].Path, want)
		if !ok {
			continue
		}
		switch m, err := set.Find(uri); {
		case err != nil:
		case m.Ingested:
			found.ingested = cmp.Or(found.ingested, uri) // Config comes before Result
		case m.Node != nil && !seen[m.Node.Path]:
			seen[m.Node.Path] = true
			found.nodes = append(found.nodes, m.Node)
		}
	}
	return found, nil
}

// withNames puts the names that a server chose in the place of dynamic ones at the end of a
// path; not ok if the other names differ, or all are dynamic. An area of an ADMX file
// has the form of its own, App~Policy~Category.
func withNames(path string, want []string) (uri string, ok bool) {
	have := strings.Split(path, "/")
	if len(have) <= len(want) {
		return "", false
	}
	same := false
	for i, name := range want {
		h := have[len(have)-len(want)+i]
		switch {
		case strings.EqualFold(h, name):
			same = true
		case !strings.HasPrefix(h, "{") || name == "":
			return "", false
		case strings.Contains(name, "~Policy~") && strings.EqualFold(h, "{AreaName}"):
			same = true
		}
	}
	return strings.Join(append(have[:len(have)-len(want):len(have)-len(want)], want...), "/"), same
}

// areaOf is the name of a CSP or an area as "csp list" prints it, of what people write
// for it: a LocURI, Policy/Config/Camera, Camera.
func areaOf(set *ddf.Set, name string) (area string, near []string) {
	name = strings.Trim(strings.TrimSpace(name), "/")
	for _, prefix := range []string{"./", "Device/", "User/", "Vendor/MSFT/", "Policy/Config/", "Policy/"} {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			name = name[len(prefix):]
		}
	}
	areas := set.Areas()
	for _, prefix := range []string{"", "Policy/"} {
		for _, a := range areas {
			if strings.EqualFold(a.Name, prefix+name) {
				return a.Name, nil
			}
		}
	}
	for _, a := range areas {
		if name != "" && len(near) < 3 && strings.Contains(strings.ToLower(a.Name), strings.ToLower(name)) {
			near = append(near, a.Name)
		}
	}
	return "", near
}

// editions are the numbers of GetProductInfo (Learn, "GetProductInfo function") that
// people ask about; the variants of each (N, evaluation, one language) are left out.
var editions = []struct{ number, name string }{
	{"0x65", "Home"}, {"0x30", "Pro"}, {"0xA1", "Pro for Workstations"}, {"0xA4", "Pro Education"}, {"0x4", "Enterprise"}, {"0x7D", "Enterprise LTSC"},
	{"0xAF", "Enterprise multi-session"}, {"0x79", "Education"}, {"0xCB", "SE"}, {"0xBC", "IoT Enterprise"}, {"0xBF", "IoT Enterprise LTSC"},
}

// editionsShown names the editions of a list of numbers; the numbers, if it knows none.
func editionsShown(list string) string {
	numbers := strings.FieldsFunc(list, func(c rune) bool { return c == ';' || c == ',' || c == ' ' })
	var names []string
	for _, e := range editions {
		for _, n := range numbers {
			if strings.EqualFold(n, e.number) {
				names = append(names, e.name)
				break
			}
		}
	}
	if len(names) == 0 {
		return list
	}
	return strings.Join(names, ", ")
}
