package variants

import (
	"net/http"
	"strings"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const windc = "Learn, \"Windows declared configuration protocol\""

// Variants of linked enrollments.
var (
	Linked = &Variant{Name: "linked", Does: "enrolls every device linked, and manages it by documents", Seen: windc, Vary: func(c *mdmserver.Config) {
		c.Linked = true
	}}
	LinkedAdd = &Variant{Name: "linked-add", Does: "enrolls every device linked, and adds its documents", Seen: "Learn, \"DeclaredConfiguration CSP\"", Vary: func(c *mdmserver.Config) {
		c.Linked = true
		hook.Reply(&c.Tamper, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range r.Plan {
				if p := &r.Plan[i]; p.Sent.Purpose == mdmserver.ForDocument {
					p.Command.Verb = syncml.Add
				}
			}
		})
	}}
	LinkedUPN = &Variant{Name: "linked-upn", Does: "enrolls every device linked, and its discovery requires the user's name", Seen: "Learn, \"Declared configuration discovery\"", Vary: func(c *mdmserver.Config) {
		c.Linked = true
		c.Tamper.Linked = append(c.Tamper.Linked, requireUPN)
	}}
	LinkedProperties = &Variant{Name: "linked-properties", Does: "enrolls every device linked, and writes properties of its own into documents without Meta", Seen: "Intune, for Endpoint Privilege Management; the samples of Learn have no Meta", Vary: func(c *mdmserver.Config) {
		c.Linked = true
		hook.Reply(&c.Tamper, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range r.Plan {
				if p := &r.Plan[i]; p.Sent.Purpose == mdmserver.ForDocument && len(p.Command.Items) == 1 {
					it := &p.Command.Items[0]
					it.Meta, p.Command.Meta = nil, nil
					it.Data = strings.Replace(it.Data, "</DeclaredConfiguration>", "<ReflectedProperties><Property name=\"IntentPriority\" type=\"chr\">10</Property></ReflectedProperties></DeclaredConfiguration>", 1)
				}
			}
		})
	}}
	LinkedCDATA = &Variant{Name: "linked-cdata", Does: "enrolls every device linked, and sends its documents as CDATA", Seen: "the samples of Learn, \"DeclaredConfiguration CSP\"", Vary: func(c *mdmserver.Config) {
		c.Linked = true
		hook.After(&c.Tamper, http.MethodPost, mdmserver.LinkedPath+mdmserver.ManagementPath, func(x *hook.Exchange) {
			x.Reply = []byte(asCDATA(string(x.Reply)))
		})
	}}
)

var linkedEnrollments = []*Variant{Linked, LinkedAdd, LinkedUPN, LinkedProperties, LinkedCDATA}

// requireUPN asks for the request again if it does not name the user.
func requireUPN(_ *mdmserver.Config, req *enroll.LinkedRequest, reply *enroll.LinkedReply) {
	if req.UPN == "" {
		*reply = enroll.LinkedReply{ErrorCode: enroll.UPNRequired, Message: "upn is missing"}
	}
}

// asCDATA writes the documents of a message as CDATA instead of escaping them.
func asCDATA(message string) string {
	const begin, end = "<Data>&lt;DeclaredConfiguration ", "</Data>"
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(message, begin)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		text, after, _ := strings.Cut(rest, end)
		text = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&amp;", "&").Replace(text)
		b.WriteString("<Data><![CDATA[<DeclaredConfiguration " + text + "]]>" + end)
		message = after
	}
}
