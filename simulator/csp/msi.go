package csp

import (
	"strconv"
	"strings"
)

// Values of Status under MSI/{ProductID} (Learn, "EnterpriseDesktopAppManagement CSP").
const (
	msiEnforcing = "50"
	msiFailed    = "60"
	msiCompleted = "70"
)

// desktopApps installs MSI packages in the background (Learn,
// "EnterpriseDesktopAppManagement CSP"). The page's example alert has code 1224, but
// its text calls it a generic alert, which is 1226.
func desktopApps() CSP {
	return CSP{Name: "EnterpriseDesktopAppManagement", Version: "1.0", lists: bothScopes, tree: "desktopapp.tree", on: map[string]Handler{
		"MSI/{ProductID}/DownloadInstall": {Run: func(c *Call, data string) int {
			root := document(data, "MsiInstallJob")
			if root == nil || root.FindElement("Product/Download/ContentURLList/ContentURL") == nil {
				c.Put("Status", msiFailed)
				c.Put("LastError", invalidArg)
				return 500
			}
			if parked := c.Host.Fact("InstallParks"); parked != "" {
				c.Put("Status", parked)
				return 202
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
