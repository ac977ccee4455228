package scenarios

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// A single HTTP status does not show whether a caller is turned away. A server may
// challenge the first message and then serve anyone, or answer 200 with a fault
// that says "not enrolled". So these scenarios plant a command for a device, follow
// the caller's session to its end, and check what the caller was served.

// visitor is a caller that asks for another device's work.
type visitor struct {
	who    string // the name in the report
	by     string // the input tried, if there are several
	device *Device
	as     dmclient.SyncOptions
	// managed says that the visitor is itself a managed device: a server may go by
	// its certificate and serve it its own work.
	managed bool
	// over says that the owner can no longer hold sessions.
	over bool
	// cause says what is wrong with a server that serves the visitor, if known.
	cause string
}

// noSession is what a server does with a caller that it does not let in.
const noSession = "a TLS alert, HTTP 4xx, or Status 401, 403 or 407 for SyncHdr, and no command"

// nothingAsked says what asksNothing found.
const nothingAsked = "the server asks for neither a TLS client certificate nor a credential"

// asksNothing reports whether a server held a session without a TLS client
// certificate, a credential or a signature: then no caller proves who it is.
func asksNothing(s *dmclient.Session) bool {
	for _, ex := range s.Exchanges {
		if ex.Err != nil || ex.AskedForCertificate || len(ex.Header["MS-Signature"]) > 0 { //nolint:staticcheck // as it is written on the wire
			return false
		}
	}
	for _, m := range s.Received {
		if hdr := hdrStatus(m); !syncml.Success(hdr.Code()) || hdr.Chal != nil {
			return false
		}
	}
	return len(s.Received) > 0 && credMessage(s, 0) < 0
}

// turnsAwayFrom fails if a visitor is served the owner's work.
func turnsAwayFrom(t *T, owner *Device, v visitor) {
	known := served(owner.Sessions()...)
	w := plant(t, owner, v.over)
	planted := w != nil
	s := v.device.Sync(v.as)
	if len(s.Exchanges) == 0 {
		t.Error("the session of %s could not be tried: %v", v.who, s.Err)
	}
	t.Evidence("%s: the session ended at message %d: %s", cmp.Or(v.by, v.who), len(s.Exchanges), s.End)
	got := served(s)
	mine, all := "", ""
	if planted {
		mine, all = w.Served(s), w.ForAll()
	}
	if all != "" {
		judgeServed(t, owner, &v, got, "", false)
	} else {
		judgeServed(t, owner, &v, got, mine, planted)
	}
	last := s.Exchanges[len(s.Exchanges)-1]
	saw, refused := refusal(t, last)
	switch {
	case refused, last.Err != nil && closedInTLS(t, &v):
		t.Evidence("%s: refused, %s", cmp.Or(v.by, v.who), saw)
		return
	case last.Err != nil, last.Status >= 500:
		t.Fail(fmt.Sprintf("message %d of %s: %s", len(s.Exchanges), v.who, noSession), saw)
	case v.over && !planted && asksNothing(s):
		failsForNothing(t, &v)
	case v.over:
		if !planted && len(known) == 0 {
			t.SkipWithout(suite.NeedWork, "%s was let in and served nothing, but there may have been nothing to serve", v.who)
		}
		return
	}
	if all != "" && mine != "" && v.managed {
		if asksNothing(s) {
			failsForNothing(t, &v)
		}
		t.NotApplicable("%s", all)
	}
	next := owner.Sync(dmclient.SyncOptions{})
	own := served(next)
	news := slices.DeleteFunc(slices.Clone(own), func(c string) bool { return slices.Contains(known, c) })
	switch {
	case planted && w.Served(next) != "":
	case planted && all == "" && slices.ContainsFunc(news, func(c string) bool { return slices.Contains(got, c) }):
		t.FailBy(v.cause, v.who+": "+noSession, fmt.Sprintf("the server sent %s, as in the device's own session", list(got)))
	case planted && len(news) > 0: // the hook queued something else
	case asksNothing(s):
		failsForNothing(t, &v)
	case planted:
		w.NeedMore(owner)
		t.Blocked(suite.By(suite.Delivers), "%s was not served the device's work, but neither was the device itself", v.who)
	case len(own) > 0 && len(got) == 0:
	default:
		t.SkipWithout(suite.NeedWork, "without work for the device, there is no way to tell whether %s is turned away", v.who)
	}
}

// failsForNothing judges a server that let a visitor in and asks no caller for
// proof: SEC-01 fails, and other scenarios have nothing to check.
func failsForNothing(t *T, v *visitor) {
	saw := nothingAsked + ", and answers any caller with a success Status for SyncHdr"
	if v.cause == anyoneServed {
		t.FailBy(v.cause, v.who+": "+noSession, saw)
	}
	t.Blocked(suite.By("SEC-01"), "%s", saw)
}

// judgeServed fails if the visitor was served something that it must not get. mine is
// the planted command if the visitor got that.
func judgeServed(t *T, owner *Device, v *visitor, got []string, mine string, planted bool) {
	of := func(c string) bool { return strings.Contains(c, owner.Identity().DeviceID) }
	switch {
	case len(got) == 0:
	case mine != "":
		t.FailBy(v.cause, v.who+": "+noSession, "the server sent "+mine+", which was queued for the device")
	case !v.managed:
		t.FailBy(v.cause, v.who+": "+noSession, "the server sent "+list(got))
	case !planted && slices.ContainsFunc(got, of):
		t.FailBy(v.cause, v.who+": "+noSession, "the server sent a command that names the device: "+got[slices.IndexFunc(got, of)])
	}
}

// plant gives the owner work, if the target has a hook for that; nil if it has none. A
// server need not accept work for a device that is no longer managed.
func plant(t *T, owner *Device, over bool) *suite.Work {
	if !t.CanWork() {
		return nil
	}
	w := t.Work()
	err := w.TryGive(owner)
	if over && err != nil {
		return nil
	}
	t.Hook(err)
	return w
}

// served returns the commands that a server sent in sessions, whether or not the
// device executed them. Telling a device to unenroll does not count, nor does a
// request for the next message.
func served(sessions ...*dmclient.Session) (out []string) {
	farewell := false
	for _, s := range sessions {
		for _, m := range s.Received {
			m.Walk(func(c *syncml.Command) {
				switch c.Verb {
				case syncml.Add, syncml.Replace, syncml.Get, syncml.Delete, syncml.Exec, syncml.Copy:
				default:
					return
				}
				farewell = farewell || c.Verb == syncml.Exec && strings.HasSuffix(c.Target(), "/Unenroll")
				for i := range c.Items {
					text := string(c.Verb) + " " + c.Items[i].Target.LocURI
					if c.Items[i].Data != "" {
						text += " = " + c.Items[i].Data
					}
					out = append(out, text)
				}
			})
		}
	}
	if farewell {
		out = slices.DeleteFunc(out, func(c string) bool {
			return strings.HasPrefix(c, "Delete ") || strings.HasPrefix(c, "Exec ") && strings.Contains(c, "/Unenroll")
		})
	}
	return out
}

// list shows the first few commands.
func list(commands []string) string {
	const most = 3
	text := strings.Join(commands[:min(len(commands), most)], "; ")
	if more := len(commands) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	if len(commands) == 1 {
		return "a command: " + text
	}
	return fmt.Sprintf("%d commands: %s", len(commands), text)
}

// refusal reports whether an answer turns its caller away, and describes it.
func refusal(t *T, ex *dmclient.Exchange) (saw string, refused bool) {
	if ex.Err != nil {
		return unanswered(t, ex.Err), byTLS(ex.Err)
	}
	saw = fmt.Sprintf("HTTP status %d", ex.Status)
	m, err := replyOf(ex)
	switch {
	case err == nil:
		return refusedInside(m, saw, ex.Status)
	case len(strings.TrimSpace(string(ex.Response))) == 0:
		return saw + " and an empty body", ex.Status >= 300 && ex.Status < 500
	case ex.Status >= 500 && !strings.Contains(strings.ToLower(string(ex.Response)), "fault"):
		if ofGateway(ex.Status) {
			return saw + ": the server, or a gateway for it, says that it cannot answer", false
		}
		return fmt.Sprintf("HTTP status %d: the handler crashed", ex.Status), false
	}
	// A fault or a page: nothing a device would act on.
	return saw + ": " + suite.Show(excerpt(ex.Response)), true
}

// refusedInside is refusal for a SyncML message.
func refusedInside(m *syncml.Message, saw string, status int) (string, bool) {
	hdr := hdrStatus(m)
	if hdr.Data != "" {
		saw += fmt.Sprintf(", Status %s for SyncHdr", hdr.Data)
	}
	if got := served(&dmclient.Session{Received: []*syncml.Message{m}}); len(got) > 0 {
		return saw + ", and " + list(got), false
	}
	return saw + " and no command", hdr.Code() >= 400 || status >= 400 && status < 500
}

// replyOf reads an answer according to its Content-Type.
func replyOf(ex *dmclient.Exchange) (*syncml.Message, error) {
	if strings.HasPrefix(strings.ToLower(ex.Reply.Get("Content-Type")), syncml.MediaTypeWBXML) {
		return syncml.ReadWBXML(ex.Response, syncml.Limits{})
	}
	return syncml.Read(ex.Response)
}

// excerpt returns the beginning of a body, on one line.
func excerpt(body []byte) string {
	const most = 120
	text := strings.Join(strings.Fields(string(body[:min(len(body), 4*most)])), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// closedInTLS reports whether the server closes a connection with the visitor's
// certificate before any data was sent. Then it refused the certificate, and its
// alert was lost.
func closedInTLS(t *T, v *visitor) bool {
	cert := v.device.Device.Certificate()
	switch {
	case v.as.NoCertificate:
		cert = &tls.Certificate{}
	case v.as.Certificate != nil:
		cert = v.as.Certificate
	}
	to, err := url.Parse(v.device.Address())
	if err != nil {
		t.Error("the management address: %v", err)
	}
	host := to.Host
	if to.Port() == "" {
		host = net.JoinHostPort(to.Hostname(), "443")
	}
	dial := t.Lab.Config.Dialer()
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	raw, err := dial(t.Context(), "tcp", host)
	if err != nil {
		return false
	}
	defer raw.Close()
	if raw.SetDeadline(time.Now().Add(t.Lab.Config.Timeouts.Quiet)) != nil {
		return false
	}
	c := tls.Client(raw, &tls.Config{ServerName: to.Hostname(), MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, //nolint:gosec // the question is whom the server accepts
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }})
	_, err = c.Read(make([]byte, 1))
	return err != nil && !late(err)
}
