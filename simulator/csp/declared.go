package csp

import (
	"net/url"
	"strings"
)

// DeclaredConfiguration is the name of the CSP, and of the jobs that process its
// documents.
const DeclaredConfiguration = "DeclaredConfiguration"

// HRESULTs of refusals (Learn, "DeclaredConfiguration CSP"). That their SyncML status
// is 500 is a model.
const (
	fileNotFound = "0x80070002" // no endpoint; a document whose context is of the other scope
	catastrophic = "0x8000ffff" // a document whose id differs from its node's name
	badURI       = "0x86000002" // a document with a URI that no CSP knows
	badData      = "0x8007000d" // a document that cannot be read [model]
	// Owned refuses a write to a setting that a document holds.
	Owned = "0x86000031"
)

// Work on a document: the Data of its job.
const (
	DeclaredSet     = "set"
	DeclaredRemove  = "remove"
	DeclaredAbandon = "abandon"
	DeclaredResume  = "resume"
)

// declaredConfiguration takes documents that say what the device shall be. It checks
// their syntax at once and leaves the rest to a service: the job (Learn, "Windows
// declared configuration protocol"). Only the linked enrollment can use it: a primary
// one gets 406. That was seen on 26200 for the Get of RefreshInterval, BulkTemplate and
// the root of ./User; for the other nodes it is a model.
func declaredConfiguration() CSP {
	c := CSP{Name: DeclaredConfiguration, Version: "1.0", lists: everyScope, tree: "declaredconfiguration.tree", on: map[string]Handler{},
		gate: func(c *Call) int {
			if c.Host.Fact("Linked") != "true" {
				return 406
			}
			return 200
		}}
	for _, kind := range []string{"Complete", "Inventory"} {
		// A node above documents takes them with it.
		c.on["Host/"+kind+"/Documents"] = Handler{Removed: func(c *Call) { c.allDeclared(".", "") }}
		c.on["Host/"+kind] = Handler{Removed: func(c *Call) { c.allDeclared("Documents", "/Documents") }}
		id := "Host/" + kind + "/Documents/{DocID}"
		c.on[id] = Handler{Removed: func(c *Call) { c.declared(DeclaredRemove) }}
		c.on[id+"/Document"] = Handler{Write: func(c *Call, text string) int {
			if c.Err = c.refusal(text); c.Err != "" {
				return 500
			}
			c.declared(DeclaredSet)
			return 200
		}, Removed: func(c *Call) { c.declared(DeclaredRemove) }}
	}
	c.on["Host"] = Handler{Removed: func(c *Call) {
		c.allDeclared("Complete/Documents", "/Complete/Documents")
		c.allDeclared("Inventory/Documents", "/Inventory/Documents")
	}}
	c.on["Host/Complete/Documents/{DocID}/Properties"] = Handler{Removed: func(c *Call) { c.declared(DeclaredResume) }}
	// The texts of the values are swapped on the page; here 1 abandons, as its own
	// explanation says.
	c.on["Host/Complete/Documents/{DocID}/Properties/Abandoned"] = Handler{Write: func(c *Call, v string) int {
		if strings.TrimSpace(v) == "1" {
			c.declared(DeclaredAbandon)
		} else {
			c.declared(DeclaredResume)
		}
		return 200
	}, Removed: func(c *Call) { c.declared(DeclaredResume) }} // without the node the default 0 holds
	return c
}

// declared leaves work on the document of the call to the service.
func (c *Call) declared(work string) {
	c.Host.Begin(Job{CSP: DeclaredConfiguration, LocURI: c.LocURI, Data: work, Due: c.Host.Now()})
}

// allDeclared leaves the removal of all documents below the node of the call to the
// service; at is where they are.
func (c *Call) allDeclared(at, below string) {
	name := Segment(c.names[len(c.names)-1])
	for _, id := range c.List(name + "/" + at) {
		c.Host.Begin(Job{CSP: DeclaredConfiguration, LocURI: strings.TrimSuffix(c.LocURI, "/") + below + "/" + url.PathEscape(id), Data: DeclaredRemove, Due: c.Host.Now()})
	}
}

// refusal is the HRESULT of a document that is refused in its session; empty if it is
// taken.
func (c *Call) refusal(text string) string {
	doc, err := ReadDeclared(text)
	switch {
	case err != nil:
		return badData
	case !strings.EqualFold(doc.ID, c.Names[0]):
		return catastrophic
	case strings.EqualFold(doc.Context, "User") != (c.scope == UserScope):
		return fileNotFound
	}
	for _, s := range doc.Settings() {
		p, err := ParsePath(s)
		if err != nil || c.tree.schema.locate(p).rule == nil {
			return badURI
		}
	}
	return ""
}

// linkedEnroll has a scheduled task enroll the device a second time. Without an
// endpoint there is no task (Learn, "DMClient CSP" and "Declared configuration
// enrollment"). That it answers 500 and that EnrollStatus is 2 at once are models.
func linkedEnroll(c *Call, _ string) int {
	endpoint := strings.TrimSpace(c.Value("DiscoveryEndpoint"))
	if endpoint == "" {
		c.Err = fileNotFound
		c.Put("LastError", HResultValue(fileNotFound))
		return 500
	}
	if c.Value("EnrollStatus") == LinkEnrolled {
		return 200 // it is there already [model]
	}
	c.Put("EnrollStatus", LinkEnrolling)
	c.Put("LastError", "0")
	c.Host.Effect(Effect{Kind: EffectLink, Detail: endpoint, At: c.Host.Now()})
	return 200
}

// linkedUnenroll ends the linked enrollment in the same way.
func linkedUnenroll(c *Call, _ string) int {
	c.Put("EnrollStatus", LinkLeaving)
	c.Put("LastError", "0")
	c.Host.Effect(Effect{Kind: EffectUnlink, At: c.Host.Now()})
	return 200
}

// Values of LinkedEnrollment/EnrollStatus (Learn, "DMClient CSP"). 0 is undefined, 1 and
// 5 are not started. MS-MDE2 knows the first five only.
const (
	LinkEnrolling   = "2"
	LinkFailed      = "3"
	LinkEnrolled    = "4"
	LinkLeaving     = "6"
	LinkLeaveFailed = "7"
	LinkLeft        = "8"
)
