package csp

import (
	"regexp"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Values of Status under AppInstallation.
const (
	appInstalling = "1"
	appFailed     = "2"
	appInstalled  = "3"
)

// invalidArg is E_INVALIDARG as LastError and ErrorCode show it.
const invalidArg = "-2147024809"

// versionIn matches "1.2.0.0" in the name of a package file.
var versionIn = regexp.MustCompile(`_(\d+\.\d+\.\d+\.\d+)[_.]`)

// uninstalled is the Data of the job that reports an uninstallation.
const uninstalled = "uninstalled"

// modernApps installs packages in the background: 202, then an Alert 1226 with
// the result, 0 or an HRESULT (Learn, "Enterprise app management"). It downloads
// nothing, and takes the version from the package's URI [model].
func modernApps() CSP {
	removed := func(c *Call) {
		c.Host.Effect(Effect{Kind: EffectRemoved, Detail: c.Names[len(c.Names)-1], At: c.Host.Now()})
		// Remove the installation node as well.
		c.tree.drop(c.scope, []string{"Vendor", "MSFT", modernCSP, "AppInstallation", c.Names[0]})
		c.Host.Begin(Job{CSP: modernCSP, LocURI: c.LocURI, Data: uninstalled, Due: c.Host.Now()})
	}
	on := map[string]Handler{
		"AppInstallation/{PackageFamilyName}/HostedInstall": {Run: func(c *Call, data string) int {
			root := document(data, "Application")
			if root != nil && root.SelectAttrValue("PackageUri", "") == "" {
				root = nil
			}
			return installApp(c, root)
		}},
		"AppInstallation/{PackageFamilyName}/StoreInstall": {Run: func(c *Call, data string) int {
			if c.scope == DeviceScope {
				return 405 // "not supported in the device context" (Learn); the code is a model
			}
			root := document(data, "Application")
			if root == nil {
				root = document(data, "Install") // earlier releases
			}
			return installApp(c, root)
		}},
		"AppManagement/UpdateScan":                                  {Run: func(*Call, string) int { return 200 }},
		"AppManagement/AppInventoryQuery":                           {Write: inventoryQuery},
		"AppManagement/AppInventoryResults":                         {Read: inventory},
		"AppManagement/RemovePackage":                               {Run: removePackage},
		"AppManagement/ResetPackage":                                {Run: resetPackage},
		"AppLicenses/StoreLicenses/{LicenseID}/AddLicense":          {Run: func(*Call, string) int { return 200 }},
		"AppLicenses/StoreLicenses/{LicenseID}/GetLicenseFromStore": {Run: func(*Call, string) int { return 200 }},
	}
	for _, store := range AppStores {
		on["AppManagement/"+store+"/{PackageFamilyName}"] = Handler{Removed: removed}
		on["AppManagement/"+store+"/{PackageFamilyName}/{PackageFullName}"] = Handler{Removed: removed}
	}
	return CSP{Name: modernCSP, Version: "1.2", lists: everyScope, tree: "modernapp.tree", on: on, finish: modernAppDone}
}

// AppStores are the nodes of AppManagement that list apps, by where they came from.
var AppStores = []string{"AppStore", "System", "nonStore"}

const modernCSP = "EnterpriseModernAppManagement"

// installApp starts an installation; root describes the package, nil if nothing does.
func installApp(c *Call, root *etree.Element) int {
	if root == nil {
		c.Put("Status", appFailed)
		c.Put("LastError", invalidArg)
		c.Put("LastErrorDesc", "The package is not described.")
		return 500
	}
	job := Job{CSP: modernCSP, LocURI: c.LocURI, Due: c.Host.Now(), Data: "1.0.0.0"}
	if m := versionIn.FindStringSubmatch(root.SelectAttrValue("PackageUri", "")); m != nil {
		job.Data = m[1]
	}
	c.Put("Status", appInstalling)
	c.Put("ProgressStatus", "0")
	c.Put("LastError", "0")
	c.Put("LastErrorDesc", "")
	if c.Host.Fact("InstallParks") == "" {
		c.Host.Begin(job)
	}
	return 202
}

func modernAppDone(c *Call, j Job) Done {
	if j.Data == uninstalled {
		return Done{LocURI: j.LocURI, Type: "Reversed-Domain-Name:com.microsoft.mdm.EnterpriseAppUninstall.result", Format: Int, Data: "0"}
	}
	done := Done{LocURI: j.LocURI, Type: "Reversed-Domain-Name:com.microsoft.mdm.EnterpriseHostedAppInstall.result", Format: Int, Data: "0"}
	store := "nonStore"
	if strings.EqualFold(c.names[len(c.names)-1], "StoreInstall") {
		done.Type, store = "", "AppStore" // "the alert for Store app installation is not available"
	}
	if hr := c.Host.Fact("InstallError"); hr != "" {
		c.Put("Status", appFailed)
		c.Put("LastError", hr)
		c.Put("LastErrorDesc", "The installation failed.")
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
	provisioned := "0"
	if c.scope == DeviceScope {
		provisioned = "1" // installed for all users
	}
	for node, v := range map[string]string{
		"Name": name, "Version": j.Data, "Publisher": "CN=" + hash, "Architecture": "9", "IsProvisioned": provisioned,
		"InstallDate": c.Host.Now().UTC().Format(time.DateOnly), "InstallLocation": `C:\Program Files\WindowsApps\` + full,
	} {
		c.Put(app+"/"+node, v)
	}
	// "When an app is installed successfully, the node is cleaned up and no longer
	// present" (Learn); so Status 3 is never seen here.
	c.Drop(".")
	c.Host.Effect(Effect{Kind: EffectInstall, Detail: "app " + full, At: c.Host.Now()})
	return done
}
