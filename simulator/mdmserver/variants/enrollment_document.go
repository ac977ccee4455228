package variants

import (
	"net/http"
	"slices"
	"time"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of the provisioning document, of clocks, and of enrolling again.
var (
	PollLong = &Variant{Name: "poll-long", Does: "lets devices poll twice a day, then once", Seen: "MS-MDE2 2.2.9.3", Vary: func(c *mdmserver.Config) {
		poll(c, "NumberOfFirstRetries", "4", "IntervalForFirstSetOfRetries", "720", "NumberOfSecondRetries", "10", "IntervalForSecondSetOfRetries", "1440",
			"NumberOfRemainingScheduledRetries", "0", "IntervalForRemainingScheduledRetries", "10080", "PollOnLogin", "true")
	}}
	PollFirstOnly = &Variant{Name: "poll-first-only", Does: "writes the first set of the poll schedule only", Seen: "Learn, \"DMClient CSP\", Poll: each node is optional", Vary: func(c *mdmserver.Config) {
		poll(c, "NumberOfFirstRetries", "8", "IntervalForFirstSetOfRetries", "15")
	}}
	PollSecondEndless = &Variant{Name: "poll-second-endless", Does: "writes a poll schedule whose second set never ends, and no third", Seen: "Learn, \"DMClient CSP\", NumberOfSecondRetries 0", Vary: func(c *mdmserver.Config) {
		poll(c, "NumberOfFirstRetries", "8", "IntervalForFirstSetOfRetries", "15", "NumberOfSecondRetries", "0", "IntervalForSecondSetOfRetries", "480")
	}}
	PollRemainingOnly = &Variant{Name: "poll-remaining-only", Does: "writes the last set of the poll schedule only", Seen: "Learn, \"DMClient CSP\", Poll: each node is optional", Vary: func(c *mdmserver.Config) {
		poll(c, "NumberOfRemainingScheduledRetries", "0", "IntervalForRemainingScheduledRetries", "1440")
	}}
	PollNoLogin = &Variant{Name: "poll-no-login", Does: "has no device poll at a login", Seen: "Learn, \"DMClient CSP\", PollOnLogin", Vary: func(c *mdmserver.Config) {
		poll(c, "NumberOfFirstRetries", "8", "IntervalForFirstSetOfRetries", "15", "NumberOfSecondRetries", "5", "IntervalForSecondSetOfRetries", "60",
			"NumberOfRemainingScheduledRetries", "0", "IntervalForRemainingScheduledRetries", "1440", "PollOnLogin", "false", "AllUsersPollOnFirstLogin", "false")
	}}
	PollNone = &Variant{Name: "poll-none", Does: "writes no poll schedule", Seen: "Learn, \"DMClient CSP\", Poll: optional", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) { hook.Remove(pollOf(p)) })
	}}
	DocumentExtra = &Variant{Name: "document-extra", Does: "writes more into the provisioning document than every device knows", Seen: "MS-MDE 3.6 (Registry), Learn, \"DMClient CSP\"; seen", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, more)
	}}
	DocumentVendor = &Variant{Name: "document-vendor", Does: "configures an agent of its own in the provisioning document", Seen: "seen", Breaks: "Learn, Microsoft Entra integration with MDM: only some CSPs are for the document", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			vendor := etree.NewElement("characteristic")
			vendor.CreateAttr("type", "com.example.agent")
			hook.AddParm(hook.AddCharacteristic(vendor, "Provider"), "EntDMID", "of the agent", "string")
			p.Doc.Root().InsertChildAt(0, vendor)
		})
	}}
	DocumentSample = &Variant{Name: "document-sample", Does: "writes the provisioning document as an old sample does", Seen: "MS-MDE 3.6", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			keys := hook.Find(hook.MyStore(p.Doc), "PrivateKeyContainer")
			in := keys.Parent().FindElement("characteristic")
			hook.Remove(keys)
			in.AddChild(keys)
			app := hook.W7(p.Doc)
			hook.AddParm(app, "ROLE", "4294967295", "")
			hook.AddParm(app, "CRLCheck", "0", "")
			hook.AddParm(app, "SSPHyperlink", "https://apps.example/", "")
		})
	}}
	CriteriaNone = &Variant{Name: "criteria-none", Does: "leaves SSLCLIENTCERTSEARCHCRITERIA out", Seen: "MS-MDE2 2.2.9.5: optional; seen", Breaks: "Learn, \"Federated authentication device enrollment\": it is important", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			hook.Remove(hook.Parm(hook.W7(p.Doc), "SSLCLIENTCERTSEARCHCRITERIA"))
		})
	}}
	DocumentTwice = &Variant{Name: "document-twice", Does: "writes WSTEP into a second characteristic My", Seen: "seen; no document forbids it", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			store := hook.Find(p.Doc.Root(), "CertificateStore")
			renewal := hook.Find(store, "My", "WSTEP")
			if renewal == nil {
				return // a renewed certificate comes without
			}
			hook.Remove(renewal)
			hook.AddCharacteristic(store, "My").AddChild(renewal)
		})
	}}
	DocumentFull = &Variant{Name: "document-full", Does: "sets more of the account in the provisioning document", Seen: "Learn, \"w7 APPLICATION CSP\", \"DMClient CSP\"", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			app := hook.W7(p.Doc)
			hook.AddParm(app, "ROLE", "32", "")
			hook.AddParm(app, "PROTOVER", "1.2", "")
			hook.Remove(hook.Parm(hook.AppSrv(p.Doc), "AAUTHTYPE"))
			provider := hook.Provider(p.Doc)
			hook.AddParm(provider, "SyncApplicationVersion", "3", "string")
			hook.AddParm(provider, "ManagementServerAddressList", "<"+hook.Parm(app, "ADDR").SelectAttrValue("value", "")+">", "string")
		})
	}}
	DocumentAddr = &Variant{Name: "document-appaddr", Does: "writes ADDR into APPADDR", Seen: "Learn, \"w7 APPLICATION CSP\"", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			app := hook.W7(p.Doc)
			addr := hook.Parm(app, "ADDR")
			hook.Remove(addr)
			hook.AddCharacteristic(app, "APPADDR").AddChild(addr)
		})
	}}
	DocumentOther = &Variant{Name: "document-other", Does: "declares and indents the provisioning document, and has it in another order", Seen: "MS-MDE2 2.2.9.1", Vary: func(c *mdmserver.Config) {
		hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
			root := p.Doc.Root()
			hook.SetParm(hook.W7(p.Doc), "NAME", "Example Management")
			for _, e := range hook.Elements(root) {
				list := e.ChildElements()
				slices.Reverse(list)
				for _, k := range list {
					e.RemoveChild(k)
					e.AddChild(k)
				}
			}
			p.Doc.InsertChildAt(0, etree.NewProcInst("xml", `version="1.0"`))
			p.Doc.IndentTabs()
		})
	}}
	ClockFast = &Variant{Name: "clock-fast", Does: "has a clock that is a minute fast", Seen: "MS-MDE2 asks for no synchronous clocks; seen", Vary: func(c *mdmserver.Config) {
		clock(c, time.Minute)
	}}
	ClockSlow = &Variant{Name: "clock-slow", Does: "has a clock that is a minute slow", Seen: "MS-MDE2 asks for no synchronous clocks; seen", Vary: func(c *mdmserver.Config) {
		clock(c, -time.Minute)
	}}
	AgainQueue = &Variant{Name: "again-queue", Does: "keeps what is queued for a device that enrolls again", Seen: "seen", Vary: func(c *mdmserver.Config) {
		hook.On(&c.Tamper, mdmserver.Enrolled, func(x *mdmserver.Change) {
			if x.Old == nil {
				return
			}
			for _, k := range x.Old.Commands {
				if k.State != mdmserver.StateDone {
					k.State = mdmserver.StateQueued
					x.Device.Commands = append(x.Device.Commands, k)
				}
			}
		})
	}}
)

var documents = []*Variant{PollLong, PollFirstOnly, PollSecondEndless, PollRemainingOnly, PollNoLogin, PollNone, DocumentExtra, DocumentVendor, DocumentSample, CriteriaNone, DocumentFull, DocumentAddr, DocumentTwice, DocumentOther, ClockFast, ClockSlow, AgainQueue}

func pollOf(p *mdmserver.Provisioning) *etree.Element {
	return hook.Find(hook.Provider(p.Doc), "Poll")
}

// poll writes a poll schedule of these names and values, and nothing else.
func poll(c *mdmserver.Config, parms ...string) {
	hook.Document(&c.Tamper, func(p *mdmserver.Provisioning) {
		if old := pollOf(p); old != nil {
			hook.Remove(old)
		}
		at := hook.AddCharacteristic(hook.Provider(p.Doc), "Poll")
		for i := 0; i < len(parms); i += 2 {
			datatype := "integer"
			if parms[i+1] == "true" || parms[i+1] == "false" {
				datatype = "boolean"
			}
			hook.AddParm(at, parms[i], parms[i+1], datatype)
		}
	})
}

// clock sets the server's clock off.
func clock(c *mdmserver.Config, by time.Duration) {
	now := func() time.Time { return time.Now().Add(by) }
	c.Now = now
	c.Tamper.Serve = append(c.Tamper.Serve, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", now().UTC().Format(http.TimeFormat))
			next.ServeHTTP(w, r)
		})
	})
}

// more adds what devices of some version know, and settings that are the vendor's own.
func more(p *mdmserver.Provisioning) {
	root := p.Doc.Root()
	bootstrap := hook.AddCharacteristic(root, "APPLICATION") // of messages, not of management
	hook.AddParm(bootstrap, "APPID", "w4", "")
	hook.AddParm(bootstrap, "NAME", "MMS", "")
	hook.AddParm(bootstrap, "ADDR", "http://mms.example", "")
	hook.AddParm(hook.AddCharacteristic(root, "Registry", `HKLM\Software\Example`), "Site", "north", "string")
	provider := hook.Provider(p.Doc)
	hook.AddParm(provider, "ExampleSetting", "on", "string")
	hook.AddParm(hook.AddCharacteristic(provider, "CustomEnrollmentCompletePage"), "Title", "Welcome", "string")
	hook.AddParm(hook.W7(p.Doc), "X-EXAMPLE", "1", "")
}
