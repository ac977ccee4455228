package compare

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// enrollment answers an enrollment as it was recorded. What the file does not have
// it makes up.
type enrollment struct {
	p     *player
	steps []*Step
	used  map[*Step]bool
	pairs []pair
}

// pair is a real request and the simulated one in its place; one of them may be
// missing.
type pair struct {
	real *Step
	sim  *trace.Exchange
}

// enroll plays an enrollment: all of it, with what is compared in steps.
func (p *player) enroll(ctx context.Context, steps []*Step) ([]pair, error) {
	e := &enrollment{p: p, steps: steps, used: map[*Step]bool{}}
	d, err := p.newDevice(e.discovery())
	if err != nil {
		return nil, err
	}
	p.device = d
	p.stage.play = e
	opts := dmclient.EnrollOptions{Credential: p.known.credential}
	switch {
	case p.known.byCertificate:
		opts.Credential = &enroll.Credential{Certificate: p.cert, Key: p.key}
	case opts.Credential == nil: // not in the file
		opts.Credential = &enroll.Credential{Username: p.known.email, Password: hidden}
	}
	failed := d.Enroll(ctx, opts)
	for _, s := range steps {
		if !e.used[s] {
			e.pairs = append(e.pairs, pair{real: s})
		}
	}
	if len(steps) > 0 && failed != nil && p.refused(steps) {
		failed = nil // as it was recorded
	}
	return e.pairs, failed
}

// refused reports whether the recorded enrollment failed, too.
func (p *player) refused(steps []*Step) bool {
	for _, s := range steps {
		if enroll.ReadFault(s.Response) != nil || s.Status >= 400 {
			return true
		}
	}
	return false
}

// discovery is the URL of the discovery service: where the real device sent Discover.
func (e *enrollment) discovery() string {
	for _, s := range e.steps {
		if s.Kind == Discover && s.envelope.To != "" {
			return strings.Replace(s.envelope.To, ":443/", "/", 1)
		}
	}
	return "https://enterpriseenrollment.mdm.example/EnrollmentServer/Discovery.svc"
}

func (e *enrollment) answer(x *trace.Exchange) trace.Exchange {
	kind := Reach
	var env *enroll.Envelope
	if x.Method != http.MethodGet {
		kind, env = envelopeKind(string(x.Request))
	}
	var seen *Step
	for _, s := range e.steps {
		if s.Kind == kind && !e.used[s] {
			seen, e.used[s] = s, true
			break
		}
	}
	if seen != nil || len(e.steps) > 0 && e.steps[0].Headers == AllHeaders {
		e.pairs = append(e.pairs, pair{seen, x})
	}
	if seen != nil && seen.Status != 0 && kind != Token {
		x.Status, x.Reply, x.Response = answerOf(seen)
		return *x
	}
	x.Status, x.Reply = http.StatusOK, http.Header{"Content-Type": {enroll.MediaType}}
	id := ""
	if env != nil {
		id = env.MessageID
	}
	var err error
	switch kind {
	case Discover:
		x.Response, err = e.discovered().Write(id, "0")
	case Policies:
		x.Response, err = (&enroll.PolicyResponse{MinimalKeyLength: 2048}).Write(id, "0")
	case Token, Renewal:
		var doc []byte
		if seen != nil && seen.Response != nil {
			given := enroll.ReadFault(seen.Response) == nil && seen.Status < 400
			if doc = e.p.recordedDocument(seen.Response); doc == nil || !given {
				x.Status, x.Reply, x.Response = answerOf(seen)
				return *x
			}
		} else {
			doc = e.p.document()
		}
		x.Response, err = (&enroll.TokenResponse{Provisioning: doc}).Write(id, "0")
	}
	if err != nil {
		x.Status = http.StatusInternalServerError
	}
	return *x
}

// discovered answers a Discover whose answer the file does not have.
func (e *enrollment) discovered() *enroll.DiscoverResponse {
	r := &enroll.DiscoverResponse{AuthPolicy: "OnPremise", EnrollmentVersion: "4.0",
		PolicyURL: "https://mdm.example/EnrollmentServer/Policy.svc", EnrollmentURL: "https://mdm.example/EnrollmentServer/Enrollment.svc"}
	for _, s := range e.steps {
		switch {
		case s.envelope == nil || s.envelope.To == "":
		case s.Kind == Policies:
			r.PolicyURL = s.envelope.To
		case s.Kind == Token, s.Kind == Renewal:
			r.EnrollmentURL = s.envelope.To
			if req, err := s.envelope.TokenRequest(); err == nil && len(req.Item("AIKPub")) > 0 {
				r.EnrollmentVersion = "5.0" // only then a device attests its key
			}
		}
	}
	return r
}

// recordedDocument returns the provisioning document of an answer. A certificate for
// the simulated device's key replaces the real one. The result is nil if the answer has
// no document.
func (p *player) recordedDocument(body []byte) []byte {
	e, err := enroll.ReadEnvelope(body)
	if err != nil {
		return nil
	}
	r, err := e.TokenResponse()
	if err != nil {
		return nil
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(r.Provisioning); err != nil {
		return nil
	}
	for _, c := range doc.FindElements("./wap-provisioningdoc/characteristic[@type='CertificateStore']/characteristic[@type='My']/*/*/parm[@name='EncodedCertificate']") {
		c.CreateAttr("value", base64.StdEncoding.EncodeToString(p.cert))
	}
	out, err := doc.WriteToBytes()
	if err != nil {
		return nil
	}
	return out
}

// document is a provisioning document made up of what the sessions tell.
func (p *player) document() []byte {
	k := p.known
	addr, provider := k.address, k.provider
	if u, err := url.Parse(addr); err != nil || u.Scheme != "https" || u.Host == "" {
		addr = "https://mdm.example/ManagementServer/MDM.svc"
	}
	if provider == "" {
		provider = "MDM"
	}
	doc := etree.NewDocument()
	top := doc.CreateElement("wap-provisioningdoc")
	top.CreateAttr("version", "1.1")
	characteristic := func(parent *etree.Element, types ...string) *etree.Element {
		for _, t := range types {
			parent = parent.CreateElement("characteristic")
			parent.CreateAttr("type", t)
		}
		return parent
	}
	parm := func(parent *etree.Element, name, value string) {
		e := parent.CreateElement("parm")
		e.CreateAttr("name", name)
		e.CreateAttr("value", value)
	}
	parm(characteristic(top, "CertificateStore", "My", "User", "X"), "EncodedCertificate", base64.StdEncoding.EncodeToString(p.cert))
	app := characteristic(top, "APPLICATION")
	parm(app, "APPID", "w7")
	parm(app, "PROVIDER-ID", provider)
	parm(app, "ADDR", addr)
	if k.credType != "" {
		auth := characteristic(app, "APPAUTH")
		kind := "DIGEST"
		if strings.Contains(k.credType, "basic") {
			kind = "BASIC"
		}
		for _, v := range [][2]string{{"AAUTHLEVEL", "APPSRV"}, {"AAUTHTYPE", kind}, {"AAUTHNAME", k.credName}, {"AAUTHSECRET", "secret"}, {"AAUTHDATA", "MA=="}} {
			parm(auth, v[0], v[1])
		}
	}
	out, err := doc.WriteToBytes()
	if err != nil {
		return nil
	}
	return out
}

// prepare brings a device whose enrollment the file does not have to where its first
// session shows it.
func (p *player) prepare() {
	base := dmclient.ProviderURI(p.device.Provider())
	if p.known.extended {
		p.device.Tree().Provision(base+"/SyncApplicationVersion", "3.0")
	}
	if p.known.entDMID != "" {
		p.device.Tree().Provision(base+"/EntDMID", p.known.entDMID)
	}
	p.made = true
}

// renew plays a renewal of the certificate.
func (p *player) renew(ctx context.Context, steps []*Step) ([]pair, error) {
	e := &enrollment{p: p, steps: steps, used: map[*Step]bool{}}
	p.stage.play = e
	for _, s := range steps {
		if s.Kind == Discover && s.envelope.To != "" {
			p.device.Tree().Provision("./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/ServerURL", e.discovery())
			break
		}
	}
	err := p.device.Renew(ctx)
	if err != nil && p.refused(steps) {
		err = nil
	}
	return e.pairs, err
}
