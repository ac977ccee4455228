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

// Whether a caller is turned away is not told by one HTTP status. A server may
// challenge the first message and then serve anyone, or answer 200 with a fault
// that says "not enrolled". So a command is planted for a device, the caller's
// session is followed to its end, and what counts is what he was served.

// visitor asks for the work of a device that he is not.
type visitor struct {
	who    string // as the report names him
	by     string // the input that is tried, where there are several
	device *Device
	as     dmclient.SyncOptions
	// managed says that he is a device of his own: a server may go by his
	// certificate and serve him his own record.
	managed bool
	// over says that the owner can hold no session any more.
	over bool
	// cause is what is wrong with a server that serves him, where that is known.
	cause string
}

// noSession is what a server does with callers that it does not let in.
const noSession = "a TLS alert, HTTP 4xx, or Status 401, 403 or 407 for SyncHdr, and no command"

// nothingAsked says what asksNothing found.
const nothingAsked = "the server asks for neither a certificate in TLS nor a credential"

// asksNothing tells whether a server held a session without a certificate in
// TLS, a credential or a signature: then nobody proves to it who he is.
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

// turnsAwayFrom fails where a visitor is served what is the owner's.
func turnsAwayFrom(t *T, owner *Device, v visitor) {
	known := served(owner.Sessions()...)
	planted := plant(t, owner, v.over)
	s := v.device.Sync(v.as)
	if len(s.Exchanges) == 0 {
		t.Error("the session of %s could not be tried: %v", v.who, s.Err)
	}
	t.Evidence("%s: the session ended at message %d: %s", cmp.Or(v.by, v.who), len(s.Exchanges), s.End)
	got := served(s)
	judgeServed(t, owner, &v, got, planted)
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
			t.SkipWithout(suite.NeedQueue, "%s was let in and served nothing; whether there was anything to serve cannot be told", v.who)
		}
		return
	}
	own := served(owner.Sync(dmclient.SyncOptions{}))
	news := slices.DeleteFunc(slices.Clone(own), func(c string) bool { return slices.Contains(known, c) })
	switch {
	case slices.Contains(own, plantedCommand):
	case planted && slices.ContainsFunc(news, func(c string) bool { return slices.Contains(got, c) }):
		t.FailBy(v.cause, v.who+": "+noSession, fmt.Sprintf("the server sent %s, as in the device's own session", list(got)))
	case planted && len(news) > 0: // what the hook queued is something else
	case asksNothing(s):
		failsForNothing(t, &v)
	case planted:
		t.Blocked(suite.By(suite.Delivers), "%s was served no work of the device, but nor was the device itself", v.who)
	case len(own) > 0 && len(got) == 0:
	default:
		t.SkipWithout(suite.NeedQueue, "whether %s is turned away cannot be told without work for the device", v.who)
	}
}

// failsForNothing is the verdict on a server that let a visitor in and asks
// nobody who he is: SEC-01 fails by that, and others have nothing to look at.
func failsForNothing(t *T, v *visitor) {
	saw := nothingAsked + ", and answers anybody with a success for SyncHdr"
	if v.cause == anyoneServed {
		t.FailBy(v.cause, v.who+": "+noSession, saw)
	}
	t.Blocked(suite.By("SEC-01"), "%s", saw)
}

// judgeServed fails where what a visitor was served is not for him.
func judgeServed(t *T, owner *Device, v *visitor, got []string, planted bool) {
	of := func(c string) bool { return strings.Contains(c, owner.Identity().DeviceID) }
	switch {
	case len(got) == 0:
	case planted && slices.Contains(got, plantedCommand):
		t.FailBy(v.cause, v.who+": "+noSession, "the server sent "+plantedCommand+", which was queued for the device")
	case !v.managed:
		t.FailBy(v.cause, v.who+": "+noSession, "the server sent "+list(got))
	case !planted && slices.ContainsFunc(got, of):
		t.FailBy(v.cause, v.who+": "+noSession, "the server sent a command that names the device: "+got[slices.IndexFunc(got, of)])
	}
}

// plantedCommand is the one that is planted, as served shows it.
var plantedCommand = string(work.Verb) + " " + work.LocURI

// plant queues a command for the owner, where the target has a hook for that. A
// server need not take work for a device that is no longer managed.
func plant(t *T, owner *Device, over bool) bool {
	if !t.Lab.CanQueue(work) {
		return false
	}
	err := t.Lab.Queue(t.Context(), owner.Device, work)
	if over {
		return err == nil
	}
	t.Hook(err)
	return true
}

// served are the commands that a server sent in sessions, whether or not the
// device executed them. To be told to unenroll is no service, nor is a request
// for the next message.
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

// list shows some commands, the first ones.
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

// refusal tells whether an answer turns its caller away, and says in words what
// it was.
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
		return fmt.Sprintf("HTTP status %d: the handler crashed", ex.Status), false
	}
	// A fault, or a page: nothing that a device would act on.
	return saw + ": " + suite.Show(excerpt(ex.Response)), true
}

// refusedInside is refusal of a SyncML message.
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

// replyOf reads an answer in the encoding that it names.
func replyOf(ex *dmclient.Exchange) (*syncml.Message, error) {
	if strings.HasPrefix(strings.ToLower(ex.Reply.Get("Content-Type")), syncml.MediaTypeWBXML) {
		return syncml.ReadWBXML(ex.Response, syncml.Limits{})
	}
	return syncml.Read(ex.Response)
}

// excerpt is the beginning of a body, on one line.
func excerpt(body []byte) string {
	const most = 120
	text := strings.Join(strings.Fields(string(body[:min(len(body), 4*most)])), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// closedInTLS tells whether the server ends a connection with the visitor's
// certificate before it was sent anything. Then it refused the certificate, and
// the alert that said so was lost.
func closedInTLS(t *T, v *visitor) bool {
	cert := v.device.Certificate()
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
	c := tls.Client(raw, &tls.Config{ServerName: to.Hostname(), MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, //nolint:gosec // what is asked is whom the server takes
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }})
	_, err = c.Read(make([]byte, 1))
	return err != nil && !late(err)
}
