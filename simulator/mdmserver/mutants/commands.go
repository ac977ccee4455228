package mutants

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of Items, nodes and CSPs, and of work that does not end as usual.
var (
	MsgItemOne = &Mutant{"msg-item-one", "names the first of several Items in the only Status for them", func(t *tamper) {
		forItems(t, func(c *syncml.Command, st syncml.Command) []syncml.Command {
			st.SourceRef = []string{c.Items[0].Source.LocURI}
			return []syncml.Command{st}
		})
	}}
	MsgItemTwice = &Mutant{"msg-item-twice", "names one Item in two Statuses, and others in none", func(t *tamper) {
		forItems(t, func(c *syncml.Command, st syncml.Command) []syncml.Command {
			st.SourceRef = []string{c.Items[0].Source.LocURI}
			return []syncml.Command{st, st}
		})
	}}
	MsgURIPlain = &Mutant{"msg-uri-plain", "leaves a blank in a LocURI", func(t *tamper) {
		once(t, hook.Command(syncml.Get, "./Vendor/MSFT/NodeCache/My Server", "", ""))
	}}
	MsgURIStar = &Mutant{"msg-uri-star", "asks for the node *", func(t *tamper) {
		once(t, hook.Command(syncml.Get, "./Vendor/MSFT/DMClient/Provider/*/EntDMID", "", ""))
	}}
	MsgNodePlain = &Mutant{"msg-node-plain", "adds an interior node without Format node", func(t *tamper) {
		once(t, hook.Command(syncml.Add, profileNode, "", ""))
	}}
	MsgAtomicSame = &Mutant{"msg-atomic-same", "adds and replaces a node in one Atomic", func(t *tamper) {
		first(t, func(r *mdmserver.Reply) {
			uri := profileNode + "/RememberCredentials"
			r.Plan = append(r.Plan, inAtomic(hook.Command(syncml.Add, uri, "bool", "true"), hook.Command(syncml.Replace, uri, "bool", "false")))
		})
	}}
	MsgAtomicParts = &Mutant{"msg-atomic-parts", "begins a large object in an Atomic and ends it in the next message", func(t *tamper) {
		open := map[*mdmserver.Device]bool{}
		piece := func(data, size string, more bool) mdmserver.Planned {
			c := hook.Command(syncml.Add, profileNode+"/ProfileXML", "chr", data)
			c.Items[0].Meta.Size, c.Items[0].MoreData = size, more
			return inAtomic(c)
		}
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if open[v.Device] && !v.Opens && hook.Planning(v) {
				r.Plan = append(r.Plan, piece("ake", "", false))
			}
			open[v.Device] = false
		})
		opened := map[*mdmserver.Device]int{}
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if v.Opens {
				opened[v.Device]++
			}
			if v.Opens && opened[v.Device] == 2 && hook.Planning(v) {
				open[v.Device] = true
				r.Plan = append(r.Plan, piece("dmw", "6", true))
				r.Message.Final = false
			}
		})
	}}
	MsgCorrelator = &Mutant{"msg-correlator", "sends a Correlator with an Exec", func(t *tamper) {
		once(t, hook.Command(syncml.Exec, scan, "", ""))
		re := regexp.MustCompile(`(<Exec><CmdID>[^<]*</CmdID>)`)
		hook.Session(t, func(x *hook.Exchange) { x.Reply = re.ReplaceAll(x.Reply, []byte("$1<Correlator>dmwake</Correlator>")) })
	}}
	MsgACL = &Mutant{"msg-acl", "asks for an access control list", func(t *tamper) {
		once(t, hook.Command(syncml.Get, "./DevDetail?prop=ACL", "", ""))
	}}
	MsgUnenrollBare = &Mutant{"msg-unenroll-bare", "sends Unenroll without the ProviderID", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			hook.Each(r, func(c *syncml.Command) {
				if c.Verb == syncml.Exec && strings.HasSuffix(c.Target(), "/Unenroll") {
					c.Items[0].Data, c.Items[0].HasData, c.Items[0].Meta = "", false, nil
				}
			})
		})
	}}
	MsgCertReplace = &Mutant{"msg-cert-replace", "replaces a certificate that the device does not have", func(t *tamper) {
		once(t, hook.Command(syncml.Replace, "./Vendor/MSFT/CertificateStore/Root/System/0123456789012345678901234567890123456789/EncodedCertificate", "b64", "MIIB"))
	}}
	MsgLinkedEarly = &Mutant{"msg-linked-early", "starts a linked enrollment without its address", func(t *tamper) {
		once(t, hook.Command(syncml.Exec, "./Vendor/MSFT/DMClient/Provider/dmwake%20MDM/LinkedEnrollment/Enroll", "", ""))
	}}
)

// Mutants of how the server takes answers that are rare.
var (
	Err517Fails = &Mutant{"err-517-fails", "fails the session when the answer to an Atomic was too large", func(t *tamper) { failsAt(t, 517) }}
	ErrWipeSent = &Mutant{"err-wipe-sent", "stops managing a device at any answer to a wipe", func(t *tamper) {
		hook.On(t, mdmserver.Answered, func(c *mdmserver.Change) {
			if c.Command.IsWipe() {
				c.Device.Active = false
			}
		})
	}}
	ErrLateFails  = &Mutant{"err-late-fails", "fails at the Alert that reports a failure", func(t *tamper) { hook.Choke(t, syncml.Alert, reportsFailure) }}
	ErrLateStalls = &Mutant{"err-late-stalls", "sends nothing more to a device that reported a failure", func(t *tamper) {
		stalls(t, func(c *syncml.Command) (stall, free bool) { return reportsFailure(c), false })
	}}
	ErrNeverStalls = &Mutant{"err-never-stalls", "sends nothing more until what was answered with 202 has reported", func(t *tamper) {
		stalls(t, func(c *syncml.Command) (stall, free bool) {
			return c.Verb == syncml.Status && c.Code() == syncml.Accepted, reports(c)
		})
	}}
	ErrTargetRef = &Mutant{"err-targetref", "fails the session at a Status with TargetRef", func(t *tamper) {
		hook.Stumble(t, func(_ *mdmserver.Visit, c *syncml.Command, _ *mdmserver.Sent) bool { return len(c.TargetRef) > 0 })
	}}
	ErrTargetRefAgain = &Mutant{"err-targetref-again", "ignores Statuses with TargetRef", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			v.In.Body = slices.DeleteFunc(v.In.Body, func(c syncml.Command) bool { return c.Verb == syncml.Status && len(c.TargetRef) > 0 })
			return 0
		})
	}}
	ErrStatusStatus = &Mutant{"err-status-status", "fails the session at a Status for a Status", func(t *tamper) {
		hook.Stumble(t, func(_ *mdmserver.Visit, c *syncml.Command, _ *mdmserver.Sent) bool {
			return c.Cmd == string(syncml.Status)
		})
	}}
	ErrUnenroll404 = &Mutant{"err-unenroll-404", "answers the farewell of a device that it unenrolled with 404", func(t *tamper) {
		leaving := unenrolled(t)
		status(t, func(v *mdmserver.Visit, _ int, st *syncml.Command) {
			if c := hook.AnsweredBy(v, st); leaving[v.Device] && c != nil && hook.Unenrolls(c) {
				st.Data = "404"
			}
		})
	}}
	ErrUnenrollRefused = &Mutant{"err-unenroll-refused", "fails at the farewell of a device that it unenrolled", func(t *tamper) {
		leaving := unenrolled(t)
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			return only(leaving[v.Device] && slices.ContainsFunc(v.In.Body, func(c syncml.Command) bool { return hook.Unenrolls(&c) }), 500)
		})
	}}
	SesUserOthers = &Mutant{"ses-user-others", "asks for a node of ./User while another user is logged in", func(t *tamper) {
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if hook.Planning(v) && v.Opens && v.Device.Login == "others" {
				r.Plan = append(r.Plan, hook.Ask("./User/Vendor/MSFT/Policy/Result/Experience"))
			}
		})
	}}
	SesInterior = &Mutant{"ses-interior", "fails at Results of an interior node", func(t *tamper) {
		hook.Choke(t, syncml.Results, func(c *syncml.Command) bool {
			return slices.ContainsFunc(c.Items, func(it syncml.Item) bool { return it.Meta != nil && it.Meta.Format == "node" })
		})
	}}
	SesResultsCmdRef = &Mutant{"ses-results-cmdref", "fails at Results without CmdRef", func(t *tamper) {
		hook.Choke(t, syncml.Results, func(c *syncml.Command) bool { return c.CmdRef == "" })
	}}
	SesLeavePush = &Mutant{"ses-leave-push", "pushes to a device whose user has just left", func(t *tamper) {
		hook.On(t, mdmserver.Left, func(c *mdmserver.Change) {
			go c.Server.Push(c.Device) //nolint:errcheck // only what arrives at WNS counts
		})
	}}
)

var commands = []*Mutant{Err517Fails, ErrWipeSent, ErrLateFails, ErrLateStalls, ErrNeverStalls, ErrTargetRef, ErrTargetRefAgain, ErrStatusStatus, ErrUnenroll404, ErrUnenrollRefused,
	SesUserOthers, SesInterior, SesResultsCmdRef, SesLeavePush,
	MsgItemOne, MsgItemTwice, MsgURIPlain, MsgURIStar, MsgNodePlain, MsgAtomicSame, MsgAtomicParts, MsgCorrelator, MsgACL, MsgUnenrollBare, MsgCertReplace, MsgLinkedEarly}

const (
	profileNode = "./Vendor/MSFT/VPNv2/dmwake-mutant"
	scan        = "./Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/UpdateScan"
)

// extra plans a command that means nothing to the server.
func extra(c syncml.Command) mdmserver.Planned {
	return mdmserver.Planned{Command: c, Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}}
}

// inAtomic plans an Atomic that means nothing to the server.
func inAtomic(list ...syncml.Command) mdmserver.Planned {
	p := extra(syncml.Command{Verb: syncml.Atomic, Commands: list})
	for range list {
		p.Inner = append(p.Inner, &mdmserver.Sent{Purpose: mdmserver.ForPush})
	}
	return p
}

// forItems lets f change the Status of every command with several Items.
func forItems(t *tamper, f func(c *syncml.Command, st syncml.Command) []syncml.Command) {
	hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
		for i := 0; i < len(r.Message.Body); i++ {
			c := hook.AnsweredBy(v, &r.Message.Body[i])
			if c == nil || len(c.Items) < 2 {
				continue
			}
			list := f(c, r.Message.Body[i])
			r.Message.Body = slices.Replace(r.Message.Body, i, i+1, list...)
			i += len(list) - 1
		}
	})
}

// reports tells whether an Alert has the result of a command.
func reports(c *syncml.Command) bool {
	return c.Verb == syncml.Alert && c.Code() == syncml.AlertGeneric && len(c.Items) > 0 && c.Items[0].Source.LocURI != ""
}

func reportsFailure(c *syncml.Command) bool {
	return reports(c) && strings.HasPrefix(c.Items[0].Data, "-")
}

// stalls holds queued commands back from a device while f says so.
func stalls(t *tamper, f func(*syncml.Command) (stall, free bool)) {
	stalled := map[*mdmserver.Device]bool{}
	t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
		for i := range v.In.Body {
			switch stall, free := f(&v.In.Body[i]); {
			case stall:
				stalled[v.Device] = true
			case free:
				stalled[v.Device] = false
			}
		}
		return 0
	})
	hook.Without(t, func(v *mdmserver.Visit, p *mdmserver.Planned) bool { return stalled[v.Device] && hook.Queued(p) })
}

// unenrolled is the set of devices whose management the administrator ended.
func unenrolled(t *tamper) map[*mdmserver.Device]bool {
	leaving := map[*mdmserver.Device]bool{}
	hook.On(t, mdmserver.Leaving, func(c *mdmserver.Change) { leaving[c.Device] = true })
	return leaving
}
