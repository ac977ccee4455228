package mdmserver

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Variant is a way in which servers differ and the standard lets them: the
// suite must pass on every one, or it would cry wolf.
type Variant struct{ Name, Does string }

// Variants are all of them, by name.
var Variants = []Variant{
	{"ca-between", "issues certificates by an authority between them and the root"},
	{"cert-only", "knows a device by its certificate alone, and ignores Source"},
	{"cmdid-high", "numbers its commands from 1000 in steps of 3"},
	{"cmdid-text", "calls its commands c1, c2, c3"},
	{"doctype-500", "refuses a DOCTYPE with 500"},
	{"end-empty", "ends a session by an empty 200 (seen of real servers)"},
	{"get-first", "asks for the channel before it sets the PFN, too"},
	{"no-policy-service", "names no policy service, which is optional (MS-MDE2 3.1.4.1.3.2)"},
	{"one-a-message", "sends one command in a message"},
	{"poll-other", "writes another poll schedule"},
	{"push-late", "pushes a while after it was asked to"},
	{"push-itself", "pushes by itself when something is queued, and has no hook for it"},
	{"push-twice", "sends two notifications where it is asked to push"},
	{"redirects", "follows redirects, and leaves its token behind where the host is another"},
	{"refusal-200", "turns strangers away with a fault and HTTP 200"},
	{"results-answered", "answers Results with a Status, too"},
	{"sync-version", "sets SyncApplicationVersion 5.0, so that SessionIDs are hexadecimal and sessions say why they began"},
}

func checkVariants(names []string) error {
	for _, n := range names {
		if !slices.ContainsFunc(Variants, func(v Variant) bool { return v.Name == n }) {
			all := make([]string, len(Variants))
			for i, v := range Variants {
				all[i] = v.Name
			}
			return fmt.Errorf("mdmserver: unknown variant %q; there are %s", n, strings.Join(all, ", "))
		}
	}
	return nil
}

// following is a client that follows redirects as Go's own does.
func following(c *http.Client) *http.Client {
	out := *c
	out.CheckRedirect = nil
	return &out
}

func (s *Server) varies(name string) bool { return slices.Contains(s.cfg.Variants, name) }

// turnAway answers a caller that is not let in.
func (s *Server) turnAway(w http.ResponseWriter, why string) {
	if !s.varies("refusal-200") {
		http.Error(w, why, http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, "<fault><code>NotEnrolled</code><reason>%s</reason></fault>", why)
}

// paced lets one command a message out, for one-a-message: the others wait in
// the session.
func (s *Server) paced(sess *session, plan []planned) []planned {
	if !s.varies("one-a-message") {
		return plan
	}
	sess.backlog = append(sess.backlog, plan...)
	if len(sess.backlog) == 0 {
		return nil
	}
	next := sess.backlog[:1]
	sess.backlog = sess.backlog[1:]
	return next
}

// numbering gives the CmdIDs of a message, one after the other; next false gives
// the last one again, for a mutant.
func (s *Server) numbering() func(next bool) string {
	n, step, prefix := 0, 1, ""
	switch {
	case s.is("ses-cmdid-zero"):
		n = -1
	case s.varies("cmdid-high"):
		n, step = 997, 3
	case s.varies("cmdid-text"):
		prefix = "c"
	}
	return func(next bool) string {
		if next {
			n += step
		}
		return prefix + strconv.Itoa(n)
	}
}
