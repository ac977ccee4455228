package csp

import (
	"encoding/xml"
	"slices"
	"strings"
)

// installed is one package, with its place in the tree.
type installed struct{ source, family, full string }

// installedApps returns all package full names, with their place in the tree.
func installedApps(c *Call) (apps []installed) {
	for _, store := range AppStores {
		for _, family := range c.List(store) {
			for _, full := range c.List(store + "/" + Segment(family)) {
				apps = append(apps, installed{store, family, full})
			}
		}
	}
	return apps
}

// inventoryQuery takes an AppInventoryQuery.
func inventoryQuery(_ *Call, v string) int {
	if strings.TrimSpace(v) != "" && document(v, "Inventory") == nil {
		return 500 // [model]
	}
	return 200
}

// details are the attributes that Output PackageDetails adds.
var details = []string{"Name", "Version", "Publisher", "Architecture", "InstallLocation", "IsFramework", "IsBundle", "InstallDate", "ResourceID",
	"PackageStatus", "Users", "IsProvisioned"}

// inventory answers the last AppInventoryQuery: Output, Source, PackageTypeFilter,
// PackageFamilyName and Publisher work as Learn ("EnterpriseModernAppManagement CSP")
// says. How the results look is not published [model].
func inventory(c *Call) string {
	query := func(string) string { return "" }
	if root := document(c.stored("AppInventoryQuery"), "Inventory"); root != nil {
		query = func(name string) string { return root.SelectAttrValue(name, "") }
	}
	lists := func(attribute, value, fallback string) bool {
		v := query(attribute)
		if v == "" {
			v = fallback
		}
		return slices.ContainsFunc(strings.Split(v, "|"), func(s string) bool {
			return strings.EqualFold(strings.TrimSpace(s), value) || strings.EqualFold(s, "All")
		})
	}
	type attr struct{ name, value string }
	var b strings.Builder
	b.WriteString("<Inventory>")
	for _, a := range installedApps(c) {
		at := Segment(a.source) + "/" + Segment(a.family) + "/" + Segment(a.full) + "/"
		kind := "Main"
		switch {
		case c.Value(at+"IsBundle") == "1":
			kind = "Bundle"
		case c.Value(at+"IsFramework") == "1":
			kind = "Framework"
		case c.Value(at+"ResourceID") != "":
			kind = "Resource"
		}
		if s := query("Source"); s != "" && !strings.EqualFold(s, a.source) || !lists("PackageTypeFilter", kind, "Main|Bundle|Framework") ||
			!containsFold(a.family, query("PackageFamilyName")) || !containsFold(c.Value(at+"Publisher"), query("Publisher")) {
			continue
		}
		attrs := []attr{{"PackageFamilyName", a.family}, {"PackageFullName", a.full}, {"Source", a.source}}
		if lists("Output", "PackageDetails", "PackageNames") {
			for _, d := range details {
				attrs = append(attrs, attr{d, c.Value(at + d)})
			}
		}
		if lists("Output", "RequiresReinstall", "PackageNames") {
			attrs = append(attrs, attr{"RequiresReinstall", c.Value(at + "RequiresReinstall")})
		}
		b.WriteString("<Package")
		for _, k := range attrs {
			b.WriteString(" " + k.name + `="`)
			xml.EscapeText(&b, []byte(k.value)) //nolint:errcheck // a Builder takes everything
			b.WriteString(`"`)
		}
		b.WriteString("/>")
	}
	b.WriteString("</Inventory>")
	return b.String()
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// named is the installed package that a command's data names; the status says why there
// is none [model].
func named(c *Call, data string) (app installed, status int) {
	root := document(data, "Package")
	if root == nil {
		return installed{}, 500
	}
	for _, a := range installedApps(c) {
		if strings.EqualFold(a.full, root.SelectAttrValue("Name", "")) {
			return a, 200
		}
	}
	return installed{}, 404
}

func removePackage(c *Call, data string) int {
	a, status := named(c, data)
	if status == 200 {
		c.Drop(Segment(a.source) + "/" + Segment(a.family) + "/" + Segment(a.full))
		c.Host.Effect(Effect{Kind: EffectRemoved, Detail: a.full, At: c.Host.Now()})
	}
	return status
}

// resetPackage restores an app "to its initial configuration" (DDF). An app keeps none
// here, so nothing but the status shows it.
func resetPackage(c *Call, data string) int {
	_, status := named(c, data)
	return status
}
