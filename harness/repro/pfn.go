package repro

import (
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const earlier = "99999another.app_8wekyb3d8bbwe"

// pfns are about the PFN and Push.
func pfns() []Case {
	return []Case{
		{Name: "add-pfn-418", Shows: "Add of the PFN answers 418: an earlier enrollment left one behind", Sources: []string{"https://learn.microsoft.com/openspecs/windows_protocols/ms-mdm/33769a92-ac31-47ef-ae7b-dc8501f7104f", "https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp"}, Reported: "the first public reports of 418 and 500 on this path", Explain: "418",
			LookAt: "send Replace, or Get the PFN and compare", Scenarios: []string{"ERR-02"}, Reach: atPFN, Prepare: provision(earlier), Seen: code(syncml.Add, "/Push/PFN", 418)},
		{Name: "add-push-418", Shows: "Add of Push answers 418", Sources: []string{"https://learn.microsoft.com/openspecs/windows_protocols/ms-mdm/33769a92-ac31-47ef-ae7b-dc8501f7104f", "https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp"}, Reported: "the first public reports of 418 and 500 on this path", Explain: "418",
			LookAt: "you have the node you wanted: go on with the PFN", Scenarios: []string{"ERR-01"}, Reach: atPFN, Prepare: provision(""), Seen: code(syncml.Add, "/Push", 418)},
		{Name: "bad-hash-500", Shows: "a phone answers 500 to a PFN whose publisher hash is malformed", Sources: []string{"https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp", "https://learn.microsoft.com/archive/blogs/wsdevsol/windows-phone-8-1-mdm-push-functionality"}, Reported: "the first public reports of 418 and 500 on this path", Explain: "500",
			LookAt: "13 characters of base32, without i, l, o, u (here the embedded server truncates it)", Reach: atPFN, Profile: "wp81", Mutant: mutants.PfnBadHash, Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "full-name-500", Shows: "a phone answers 500 to a PFN that is a package full name", Sources: []string{"https://learn.microsoft.com/archive/blogs/wsdevsol/windows-phone-8-1-mdm-push-functionality", "https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp"}, Reported: "the first public reports of 418 and 500 on this path", Explain: "500",
			LookAt: "set Name_PublisherHash, in lower case (here the embedded server does not)", Reach: atPFN, Profile: "wp81", Mutant: mutants.PfnFullName,
			Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "not-lower-case-500", Shows: "a phone answers 500 to a PFN with capitals", Sources: []string{"https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp", "https://learn.microsoft.com/archive/blogs/wsdevsol/windows-phone-8-1-mdm-push-functionality"}, Reported: "the first public reports of 418 and 500 on this path", Explain: "500",
			LookAt: "convert the PFN to lower case before sending it (here the embedded server does not)", Reach: atPFN, Profile: "wp81", Mutant: mutants.PfnUpperCase, Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "offline-500", Shows: "a phone answers 500 to Add and Replace of the PFN: its WNS client is offline", Sources: []string{"https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp"}, Reported: "the first public reports of 418 and 500 on this path", Explain: "500",
			LookAt: "end the session, try again in a later one", Scenarios: []string{"ERR-17"}, Reach: atPFN, Profile: "wp81", Prepare: func(_ *lab.Lab, d *dmclient.Device) { d.SetWNSOffline(true) },
			Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "pfn-418-500", Shows: "418 to Add and then 500 to Replace of the PFN", Sources: []string{"https://learn.microsoft.com/openspecs/windows_protocols/ms-mdm/33769a92-ac31-47ef-ae7b-dc8501f7104f", "https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp"}, Reported: "the first public reports of 418 and 500 on this path, twice", Explain: "500",
			LookAt: "record it, end the session, do not repeat it forever; other queued commands must arrive", Scenarios: []string{"ERR-03", "ERR-04"}, Reach: atPFN, Faults: []string{"pfn-418-500"},
			Seen: code(syncml.Replace, "/Push/PFN", 500)},
		{Name: "push-missing-500", Shows: "a phone answers 500 to Add of the PFN: Push was never added", Sources: []string{"https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp"}, Reported: "the first public reports of 418 and 500 on this path", Explain: "500",
			LookAt: "add .../Push first (here the embedded server does not)", Reach: atPFN, Profile: "wp81", Mutant: mutants.PfnNoPushNode, Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "unknown-pfn-500", Shows: "a phone answers 500 to a PFN that WNS does not know", Sources: []string{"https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp"}, Reported: "the first public reports of 418 and 500 on this path", Explain: "500",
			LookAt: "is it the PFN of an app registered for WNS?", Scenarios: []string{"ERR-03"}, Reach: atPFN, Profile: "wp81", Prepare: func(l *lab.Lab, _ *dmclient.Device) { revoke(l) }, Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "unknown-pfn-status-3", Shows: "Windows 10 and later answer 200 to the PFN, and Push/Status 3", Sources: []string{"https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp"}, Explain: "push-status 3",
			LookAt: "read Push/Status along with ChannelURI, and do not push", Scenarios: []string{"CHN-04"}, Reach: atPFN, Profile: "win11",
			Prepare: func(l *lab.Lab, _ *dmclient.Device) { revoke(l) },
			Seen: sessions(func(x *dmclient.Session) bool {
				for _, c := range x.Find(syncml.Get, "/Push/Status") {
					if c.Result == "3" {
						return true
					}
				}
				return false
			})},
	}
}

// provision sets nodes on a device as an earlier enrollment left them.
func provision(pfn string) func(*lab.Lab, *dmclient.Device) {
	return func(_ *lab.Lab, d *dmclient.Device) {
		d.Tree().Provision(d.PushURI(), "")
		if pfn != "" {
			d.Tree().Provision(d.PushURI()+"/PFN", pfn)
		}
	}
}
