package csp

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Values of Status under AppInstallation and MSI/{ProductID}.
const (
	appInstalling = "1"
	appFailed     = "2"
	appInstalled  = "3"
	msiEnforcing  = "50"
	msiFailed     = "60"
	msiCompleted  = "70"
)

// versionIn matches "1.2.0.0" in the name of a package file.
var versionIn = regexp.MustCompile(`_(\d+\.\d+\.\d+\.\d+)[_.]`)

// modernApps installs packages in the background: 202, then an Alert 1226 with
// the result, 0 or an HRESULT (Learn, "Enterprise app management"). It downloads
// nothing, and takes the version from the package's URI [model].
func modernApps() CSP {
	install := func(c *Call, data string) int {
		job := Job{CSP: "EnterpriseModernAppManagement", LocURI: c.LocURI, Due: c.Host.Now(), Data: "1.0.0.0"}
		hosted := strings.EqualFold(c.names[len(c.names)-1], "HostedInstall")
		root := document(data, map[bool]string{true: "Application", false: "Install"}[hosted])
		if root == nil || hosted && root.SelectAttrValue("PackageUri", "") == "" {
			c.Put("Status", appFailed)
			c.Put("LastError", "-2147024809")
			return 500 // E_INVALIDARG: no description of the package
		}
		if m := versionIn.FindStringSubmatch(root.SelectAttrValue("PackageUri", "")); m != nil {
			job.Data = m[1]
		}
		c.Put("Status", appInstalling)
		c.Put("ProgressStatus", "0")
		c.Host.Begin(job)
		return 202
	}
	removed := func(c *Call) {
		c.Host.Effect(Effect{Kind: EffectRemoved, Detail: c.Names[len(c.Names)-1], At: c.Host.Now()})
		// Remove the installation node as well.
		if len(c.Names) > 1 {
			c.tree.drop(c.scope, []string{"Vendor", "MSFT", "EnterpriseModernAppManagement", "AppInstallation", c.Names[1]})
		}
	}
	return CSP{Name: "EnterpriseModernAppManagement", Version: "1.2", lists: everyScope, tree: "modernapp.tree", on: map[string]Handler{
		"AppInstallation/{PackageFamilyName}/HostedInstall":                  {Run: install},
		"AppInstallation/{PackageFamilyName}/StoreInstall":                   {Run: install},
		"AppManagement/UpdateScan":                                           {Run: func(*Call, string) int { return 200 }},
		"AppManagement/{EnterpriseID}/{PackageFamilyName}":                   {Removed: removed},
		"AppManagement/{EnterpriseID}/{PackageFamilyName}/{PackageFullName}": {Removed: removed},
		"AppManagement/AppInventoryResults":                                  {Read: inventory},
		"AppManagement/RemovePackage":                                        {Run: removePackage},
		"AppLicenses/StoreLicenses/{LicenseID}/AddLicense":                   {Run: func(*Call, string) int { return 200 }},
		"AppLicenses/StoreLicenses/{LicenseID}/GetLicenseFromStore":          {Run: func(*Call, string) int { return 200 }},
	}, finish: modernAppDone}
}

func modernAppDone(c *Call, j Job) Done {
	done := Done{LocURI: j.LocURI, Type: "Reversed-Domain-Name:com.microsoft.mdm.EnterpriseHostedAppInstall.result", Format: Int, Data: "0"}
	store := "nonStore"
	if strings.EqualFold(c.names[len(c.names)-1], "StoreInstall") {
		done.Type, store = "", "AppStore" // "the alert for Store app installation is not available"
	}
	if hr := c.Host.Fact("InstallError"); hr != "" {
		c.Put("Status", appFailed)
		c.Put("LastError", hr)
		done.Data = hr
		return done
	}
	family := c.Names[0]
	name, hash, _ := strings.Cut(family, "_")
	full := name + "_" + j.Data + "_x64__" + hash
	app := "../../AppManagement/" + store + "/" + Segment(family)
	for _, old := range c.List(app) {
		if strings.Contains(old, "__") {
			c.Drop(app + "/" + Segment(old))
		}
	}
	app += "/" + Segment(full)
	for node, v := range map[string]string{
		"Name": name, "Version": j.Data, "Publisher": "CN=" + hash, "Architecture": "9",
		"InstallDate": c.Host.Now().UTC().Format(time.DateOnly), "InstallLocation": `C:\Program Files\WindowsApps\` + full,
	} {
		c.Put(app+"/"+node, v)
	}
	c.Put("Status", appInstalled)
	c.Put("ProgressStatus", "100")
	c.Put("LastError", "0")
	c.Host.Effect(Effect{Kind: EffectInstall, Detail: "app " + full, At: c.Host.Now()})
	return done
}

// installedApps returns all package full names, with their place in the tree.
func installedApps(c *Call) (apps [][3]string) {
	for _, store := range c.List(".") {
		for _, family := range c.List(Segment(store)) {
			for _, full := range c.List(Segment(store) + "/" + Segment(family)) {
				apps = append(apps, [3]string{store, family, full})
			}
		}
	}
	return apps
}

func inventory(c *Call) string {
	var b strings.Builder
	b.WriteString("<Inventory>")
	for _, a := range installedApps(c) {
		b.WriteString(`<Package PackageFamilyName="` + a[1] + `" PackageFullName="` + a[2] + `" Source="` + a[0] + `"/>`)
	}
	b.WriteString("</Inventory>")
	return b.String()
}

func removePackage(c *Call, data string) int {
	root := document(data, "Package")
	if root == nil {
		return 500
	}
	for _, a := range installedApps(c) {
		if strings.EqualFold(a[2], root.SelectAttrValue("Name", "")) {
			c.Drop(Segment(a[0]) + "/" + Segment(a[1]) + "/" + Segment(a[2]))
			c.Host.Effect(Effect{Kind: EffectRemoved, Detail: a[2], At: c.Host.Now()})
			return 200
		}
	}
	return 404
}

// desktopApps installs MSI packages in the background (Learn,
// "EnterpriseDesktopAppManagement CSP"). The page's example alert has code 1224, but
// its text calls it a generic alert, which is 1226.
func desktopApps() CSP {
	return CSP{Name: "EnterpriseDesktopAppManagement", Version: "1.0", lists: bothScopes, tree: "desktopapp.tree", on: map[string]Handler{
		"MSI/{ProductID}/DownloadInstall": {Run: func(c *Call, data string) int {
			root := document(data, "MsiInstallJob")
			if root == nil || root.FindElement("Product/Download/ContentURLList/ContentURL") == nil {
				c.Put("Status", msiFailed)
				c.Put("LastError", "-2147024809")
				return 500
			}
			c.Put("Status", msiEnforcing)
			version := root.SelectElement("Product").SelectAttrValue("Version", "1.0.0")
			c.Host.Begin(Job{CSP: "EnterpriseDesktopAppManagement", LocURI: c.LocURI, Data: version, Due: c.Host.Now()})
			return 202
		}},
		"MSI/{ProductID}": {Removed: func(c *Call) {
			c.Host.Effect(Effect{Kind: EffectRemoved, Detail: c.Names[0], At: c.Host.Now()})
		}},
	}, finish: func(c *Call, j Job) Done {
		done := Done{LocURI: j.LocURI, Type: "Reversed-Domain-Name:com.microsoft.mdm.win32csp_install", Format: Int, Mark: "informational", Data: "0"}
		if hr := c.Host.Fact("InstallError"); hr != "" {
			c.Put("Status", msiFailed)
			c.Put("LastError", hr)
			done.Data = hr
			return done
		}
		product := strings.Trim(c.Names[0], "{}")
		for node, v := range map[string]string{
			"Version": j.Data, "Name": "MSI " + product, "Publisher": "dmwake", "InstallPath": `C:\Program Files\` + product,
			"InstallDate": c.Host.Now().UTC().Format("20060102"), "Status": msiCompleted, "LastError": "0",
		} {
			c.Put(node, v)
		}
		c.Host.Effect(Effect{Kind: EffectInstall, Detail: "app " + c.Names[0] + " " + j.Data, At: c.Host.Now()})
		return done
	}}
}

// enterpriseApps installs a phone's line-of-business apps: the server reads the
// status later, there is no alert.
func enterpriseApps() CSP {
	const queued, installed, failed = 1, 5, 7
	return CSP{Name: "EnterpriseAppManagement", Version: "1.0", tree: "enterpriseapp.tree", on: map[string]Handler{
		"{EnterpriseID}/EnterpriseApps/Download/{ProductID}/DownloadInstall": {Run: func(c *Call, _ string) int {
			if c.Value("URL") == "" {
				return 500
			}
			c.Put("Status", strconv.Itoa(queued))
			c.Host.Begin(Job{CSP: "EnterpriseAppManagement", LocURI: c.LocURI, Data: c.Value("Version"), Due: c.Host.Now()})
			return 202
		}},
		"{EnterpriseID}/EnterpriseApps/Inventory/{ProductID}": {Removed: func(c *Call) {
			c.Host.Effect(Effect{Kind: EffectRemoved, Detail: c.Names[1], At: c.Host.Now()})
		}},
	}, finish: func(c *Call, j Job) Done {
		if hr := c.Host.Fact("InstallError"); hr != "" {
			c.Put("Status", strconv.Itoa(failed))
			c.Put("LastError", hr)
			return Done{}
		}
		version := j.Data
		if version == "" {
			version = "1.0.0.0"
		}
		app := "../../Inventory/" + Segment(c.Names[1])
		c.Put(app+"/Version", version)
		c.Put(app+"/Title", c.Value("Name"))
		c.Put(app+"/Publisher", "enterprise "+c.Names[0])
		c.Put(app+"/InstallDate", c.Host.Now().UTC().Format("2006-01-02-15:04:05"))
		c.Put("Status", strconv.Itoa(installed))
		c.Host.Effect(Effect{Kind: EffectInstall, Detail: "app " + c.Names[1] + " " + version, At: c.Host.Now()})
		return Done{}
	}}
}
