package mdmserver

import (
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// pageState is how far a device is with the Enrollment Status Page.
type pageState struct {
	setUp    bool // the device's part, and what it waits for
	finished bool // the device was told that it has everything
	user     bool // so was the user
	unknown  bool // the device has no such nodes
}

// What the page waits for: two policies, and an app whose installation is reported
// later. Entries are LocURIs; the one of an app ends with how many it installs (Learn,
// "DMClient CSP", FirstSyncStatus).
const (
	pagePolicies  = "./Device/Vendor/MSFT/Policy/Config/"
	pageApp       = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B6F7CB29F-1319-4816-B345-0856916EB801%7D"
	pageInstalls  = `<MsiInstallJob id="{6F7CB29F-1319-4816-B345-0856916EB801}"><Product Version="1.0.0"><Download><ContentURLList><ContentURL>https://apps.example/agent.msi</ContentURL></ContentURLList></Download></Product></MsiInstallJob>`
	pageDelimiter = "\uf000"
)

// pageNode is a node below FirstSyncStatus; the scope is ./Device or ./User.
func (s *Server) pageNode(scope, node string) string {
	return scope + "/Vendor/MSFT/DMClient/Provider/" + url.PathEscape(s.cfg.ProviderID) + "/FirstSyncStatus" + node
}

// pagePlan sets the page up in the device's first session, since later it is not shown
// any more, sends what it waits for, and says so. What concerns the user follows once
// one is logged in, and is sent again until the device takes it: it answers 405 before
// the user's part of its tree is there [seen: fleet issue 49250].
func (s *Server) pagePlan(d *Device) (out []Planned) {
	send := func(p Purpose, verb syncml.Verb, uri, format, data string) {
		out = append(out, Planned{Command: one(verb, uri, format, data), Sent: &Sent{Purpose: p}})
	}
	p := &d.page
	if p.unknown {
		return nil
	}
	if !p.setUp {
		for _, n := range [][3]string{{"/SkipDeviceStatusPage", "bool", "false"}, {"/SkipUserStatusPage", "bool", "false"}, {"/BlockInStatusPage", "int", "2"}, {"/TimeOutUntilSyncFailure", "int", "60"}} {
			send(ForPage, syncml.Replace, s.pageNode("./Device", n[0]), n[1], n[2])
		}
		policies := []string{pagePolicies + "DeviceLock/DevicePasswordEnabled", pagePolicies + "Experience/AllowCortana"}
		send(ForPage, syncml.Replace, s.pageNode("./Device", "/ExpectedPolicies"), "chr", strings.Join(policies, pageDelimiter))
		send(ForPage, syncml.Replace, s.pageNode("./Device", "/ExpectedMSIAppPackages"), "chr", pageApp+"/Status;1")
		for _, uri := range policies {
			send(ForPage, syncml.Replace, uri, "int", "0")
		}
		send(ForPage, syncml.Add, pageApp+"/DownloadInstall", "", "")
		send(ForPage, syncml.Exec, pageApp+"/DownloadInstall", "xml", pageInstalls)
		send(ForPageSetUp, syncml.Replace, s.pageNode("./Device", "/AllowCollectLogsButton"), "bool", "true")
	} else if !p.finished {
		send(ForPageFinished, syncml.Replace, s.pageNode("./Device", "/ServerHasFinishedProvisioning"), "bool", "true")
	}
	if p.setUp && !p.user && d.Login == "user" {
		send(ForPage, syncml.Add, strings.TrimSuffix(s.pageNode("./User", ""), "/FirstSyncStatus"), "node", "")
		send(ForPage, syncml.Add, s.pageNode("./User", ""), "node", "")
		send(ForPageUser, syncml.Replace, s.pageNode("./User", "/ServerHasFinishedProvisioning"), "bool", "true")
	}
	return out
}

// pageStatus notes what the device answered.
func (p *pageState) pageStatus(purpose Purpose, code int) {
	ok := syncml.Success(code)
	switch {
	case purpose == ForPageSetUp && code == syncml.NotFound:
		p.unknown = true
	case purpose == ForPageSetUp:
		p.setUp = p.setUp || ok
	case purpose == ForPageFinished:
		p.finished = p.finished || ok
	case purpose == ForPageUser:
		p.user = p.user || ok
	}
}
