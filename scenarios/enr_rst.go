package scenarios

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beevik/etree"
	"github.com/smallstep/pkcs7"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// deviceRequests are the ENR scenarios about what an RST may contain, and about
// the devices that send it.
var deviceRequests = []Scenario{
	{
		ID: "ENR-55", Level: report.Must, Title: "an RST without a usable request gets a fault",
		Rule:    "An RST is answered with a SOAP fault if its RequestType is absent or unknown, or if it has no BinarySecurityToken, or one that is no certificate request.",
		Source:  "MS-WSTEP 3.1.4.1.2.7, 3.1.4.2.1, 3.1.4.2.1.1",
		Fix:     "Look at RequestType and BinarySecurityToken before you issue a certificate, and answer with a SOAP fault.",
		Mutants: []*mutants.Mutant{mutants.EnrRequestTypeAny, mutants.EnrCSRNoFault},
		Run: func(t *T) {
			exchangeOf(t.Specimen(), enroll.StepToken)
			for _, in := range unusable {
				t.Try(in.what, func() {
					switch err, f := requested(t, "RST with "+in.what, in.edit), new(*enroll.Fault); {
					case err == nil:
						t.Fail("a SOAP fault", "a provisioning document")
					case !errors.As(err, f):
						t.Fail("a SOAP fault", said(err))
					}
				})
			}
		},
	},
	{
		ID: "ENR-56", Level: report.Should, Title: "a CSR that its own key did not sign gets no certificate",
		Rule:    "The signature of a certificate request shows that its sender has the private key. A server does not certify a key without it, whatever the algorithm. Nor does it answer a renewal that nobody signed, or two strangers, or crash at one.",
		Source:  "MS-WSTEP 3.1.4.2.1.1; RFC 2986 section 3",
		Fix:     "Verify the signature of the PKCS#10 request with the key in it.",
		Mutants: []*mutants.Mutant{mutants.EnrCSRUnsigned, mutants.EnrCSRUnsignedSHA256, mutants.EnrRenewSignersPanic},
		Run: func(t *T) {
			exchangeOf(t.Specimen(), enroll.StepToken)
			t.Try(spoiledCSR.what, func() { notServed(t, requested(t, "RST with "+spoiledCSR.what, spoiledCSR.edit), spoiledCSR.what) })
			t.Try(spoiledCSR.what+", with SHA-256", func() {
				err := requestedWith(t, dmclient.EnrollOptions{PlainCSR: true, IgnorePolicies: true}, "RST with "+spoiledCSR.what, spoiledCSR.edit)
				notServed(t, err, spoiledCSR.what)
			})
			for _, n := range []int{0, 2} {
				in := renewalOf(t, n)
				t.Try(in.what, func() { notServed(t, requested(t, "RST: "+in.what, in.edit), in.what) })
			}
		},
	},
	{
		ID: "ENR-57", Level: report.Should, Title: "an unknown Action is refused",
		Rule:    "The enrollment service answers an Action that it does not know with a SOAP fault.",
		Source:  "MS-WSTEP 3.1.4.2",
		Fix:     "Compare the Action with http://schemas.microsoft.com/windows/pki/2009/01/enrollment/RST/wstep before you process the message.",
		Mutants: []*mutants.Mutant{mutants.EnrActionAny},
		Run: func(t *T) {
			exchangeOf(t.Specimen(), enroll.StepToken)
			err := requested(t, "RST with another Action", func(env *etree.Element) {
				env.FindElement("./Header/Action").SetText("http://schemas.microsoft.com/windows/pki/2009/01/enrollment/RST/other")
			})
			notServed(t, err, "another Action")
		},
	},
	{
		ID: "ENR-58", Level: report.Should, Title: "an RST may say more, in any order",
		Rule:    "Elements and context items that a server does not know are ignored. Context items come in any order, and some of them, such as MAC and IMEI, more than once. With the claims of an attestation, an RST has more than 10,000 bytes.",
		Source:  "MS-WSTEP 3.1.4.1.3.3; MS-MDE2 3.4.4.1.1.1",
		Fix:     "Look context items up by name, take lists of MAC and IMEI, and ignore what you do not know.",
		Mutants: []*mutants.Mutant{mutants.EnrContextStrict, mutants.EnrContextTwice, mutants.EnrContextOrder, mutants.EnrBodyLimit},
		Run: func(t *T) {
			exchangeOf(t.Specimen(), enroll.StepToken)
			for _, in := range richer {
				t.Try(in.what, func() {
					err := requested(t, "RST with "+in.what, in.edit)
					if err == nil {
						return
					}
					if other := requested(t, "RST as usual", func(*etree.Element) {}); other != nil {
						t.Blocked(suite.By(suite.Enrolls), "an ordinary RST is refused as well: %v", other)
					}
					t.Fail("a provisioning document", said(err))
				})
			}
		},
	},
	{
		ID: "ENR-62", Level: report.Should, Title: "the enrollment type decides the store of the certificate",
		Rule:    "A device that enrolls with EnrollmentType Full gets its certificate in CertificateStore/My/User, and with Device in My/System.",
		Source:  "MS-MDE2 2.2.9.1; Learn, \"Microsoft Entra integration with MDM\"",
		Fix:     "Read EnrollmentType in the context of the RST, and put the certificate and SSLCLIENTCERTSEARCHCRITERIA into the store that goes with it.",
		Mutants: []*mutants.Mutant{mutants.EnrStoreUser},
		Run: func(t *T) {
			for _, in := range [][2]string{{"Full", "User"}, {"Device", "System"}} {
				kind, store := in[0], in[1]
				t.Try("EnrollmentType "+kind, func() {
					d := t.DeviceWith(func(c *dmclient.Config) { c.EnrollmentType = kind })
					defer keepsEnrollment(d, "RST with EnrollmentType "+kind)
					if err := d.Enroll(); err != nil && kind == "Device" && refusedBy(err) {
						exchangeOf(t.Specimen(), enroll.StepToken)
						t.NotApplicable("the server refuses devices of this type: %s", said(err))
					}
					doc := documentOf(d)
					certOf(d)
					t.Check(doc.Store == store, "a certificate in CertificateStore/My/"+store, "My/"+doc.Store)
				})
			}
		},
	},
	{
		ID: "ENR-63", Level: report.Should, Uses: []Need{NeedQueue}, Title: "two devices with one HWDevID are both managed",
		Rule:    "Computers that were cloned from one image may tell the same HWDevID, and have DeviceIDs of their own. The second one either is refused with a SOAP fault, or enrolls beside the first: neither loses its management, nor gets the other's work.",
		Source:  "MS-MDE2 3.4.4.1.1.1 (DeviceID and HWDevID are two items); seen on cloned virtual machines",
		Fix:     "Know a device by its DeviceID. Do not take an equal HWDevID for the same device.",
		Mutants: []*mutants.Mutant{mutants.EnrHWEvicts},
		Run:     cloned,
	},
}

// changedRST is a way to change an RST.
type changedRST struct {
	what string
	edit func(env *etree.Element)
}

// unusable are RSTs that a server cannot answer with a certificate.
var unusable = []changedRST{
	{"no RequestType", func(env *etree.Element) { removeFrom(requestIn(env), "RequestType") }},
	{"an unknown RequestType", func(env *etree.Element) {
		requestIn(env).SelectElement("RequestType").SetText(trust13 + "/Unknown")
	}},
	{"no BinarySecurityToken", func(env *etree.Element) { removeFrom(requestIn(env), "BinarySecurityToken") }},
	garbageCSR,
}

// spoiledCSR has a request whose signature does not fit.
var spoiledCSR = changedRST{"a CSR whose signature is wrong", func(env *etree.Element) {
	token := requestIn(env).SelectElement("BinarySecurityToken")
	if der, err := base64Text(token.Text()); err == nil && len(der) > 0 {
		der[len(der)-1] ^= 1
		token.SetText(base64.StdEncoding.EncodeToString(der))
	}
}}

// renewalOf asks for a renewal with a PKCS#7 that so many strangers signed; a device
// signs it with its one certificate.
func renewalOf(t *T, signers int) changedRST {
	p7, err := pkcs7.NewSignedData([]byte("a certificate request"))
	for i := 0; i < signers && err == nil; i++ {
		var c *tls.Certificate
		if c, err = selfSigned("a stranger"); err == nil {
			err = p7.AddSigner(c.Leaf, c.PrivateKey, pkcs7.SignerInfoConfig{})
		}
	}
	var der []byte
	if err == nil {
		der, err = p7.Finish()
	}
	if err != nil {
		t.Error("no PKCS#7 could be made: %v", err)
	}
	return changedRST{fmt.Sprintf("a renewal with %d signers", signers), func(env *etree.Element) {
		r := requestIn(env)
		r.SelectElement("RequestType").SetText(trust13 + "/Renew")
		token := r.SelectElement("BinarySecurityToken")
		token.CreateAttr("ValueType", "http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS7") // MS-MDE2 3.5.4.1.1.1
		token.SetText(base64.StdEncoding.EncodeToString(der))
	}}
}

var garbageCSR = changedRST{"a BinarySecurityToken that is no certificate request", func(env *etree.Element) {
	requestIn(env).SelectElement("BinarySecurityToken").SetText(base64.StdEncoding.EncodeToString([]byte("this is no certificate request")))
}}

// richer are RSTs that a server accepts, as it accepts the usual one.
var richer = []changedRST{
	{"context items in another order", func(env *etree.Element) {
		c := requestIn(env).SelectElement("AdditionalContext")
		list := c.ChildElements()
		slices.Reverse(list)
		for _, k := range list {
			c.RemoveChild(k)
			c.AddChild(k)
		}
	}},
	{"an unknown context item", func(env *etree.Element) { addItem(env, "ExampleFact", "42") }},
	{"an unknown element", func(env *etree.Element) {
		e := requestIn(env).CreateElement("x:Extra")
		e.CreateAttr("xmlns:x", "urn:example:extra")
		e.SetText("42")
	}},
	{"a context item of 12,000 characters", func(env *etree.Element) { addItem(env, "ExampleClaim", strings.Repeat("QUJDREVG", 1500)) }},
	{"two more MACs and two IMEIs", func(env *etree.Element) {
		for _, v := range [][2]string{{"MAC", "00-15-5D-01-02-03"}, {"MAC", "00-15-5D-01-02-04"}, {"IMEI", "490154203237518"}, {"IMEI", "490154203237526"}} {
			addItem(env, v[0], v[1])
		}
	}},
}

// requestIn returns the RequestSecurityToken of an envelope.
func requestIn(env *etree.Element) *etree.Element {
	return env.FindElement("./Body/RequestSecurityToken")
}

func removeFrom(e *etree.Element, tag string) { e.RemoveChild(e.SelectElement(tag)) }

// addItem adds a context item to an RST.
func addItem(env *etree.Element, name, value string) {
	e := requestIn(env).SelectElement("AdditionalContext").CreateElement("ac:ContextItem")
	e.CreateAttr("Name", name)
	e.CreateElement("ac:Value").SetText(value)
}

// requested enrolls a new device with a changed RST. The error is that of the
// RST; nil means that it was answered with a provisioning document.
func requested(t *T, what string, edit func(env *etree.Element)) error {
	return requestedWith(t, t.Lab.Leniency(), what, edit)
}

// requestedWith is requested with options of its own.
func requestedWith(t *T, o dmclient.EnrollOptions, what string, edit func(env *etree.Element)) error {
	if signed(t) {
		t.NotApplicable("the request is signed (target.certificate), so it cannot be changed")
	}
	d := t.DeviceWith(func(c *dmclient.Config) { c.EditRST = editor(edit) })
	err := d.EnrollWith(o)
	keepLast(d, what)
	t.Excused(err)
	var e *enroll.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &e) || e.Step != enroll.StepToken && e.Step != enroll.StepInstall:
		t.Blocked(suite.By(suite.Enrolls), "the enrollment did not get as far as RST: %v", err)
	case e.Step == enroll.StepInstall:
		return nil // another scenario judges the document
	}
	return err
}

// notServed fails if a request was answered with a certificate, or not at all: any
// refusal will do.
func notServed(t *T, err error, what string) {
	t.Excused(err)
	var e *enroll.Error
	switch {
	case err == nil:
		t.Fail("a refusal of "+what, "a certificate")
	case !byTLS(err) && errors.As(err, &e) && e.Status == 0:
		t.Fail("a refusal of "+what, said(err))
	}
	t.Evidence("%v", err)
}

// editor changes the envelope of a message.
func editor(edit func(env *etree.Element)) func(message []byte) []byte {
	return func(message []byte) []byte {
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(message); err != nil {
			return message
		}
		doc.WriteSettings.CanonicalText = true
		edit(doc.Root())
		changed, err := doc.WriteToBytes()
		if err != nil {
			return message
		}
		return changed
	}
}

// cloned enrolls two devices with one HWDevID.
func cloned(t *T) {
	a := t.Enrolled()
	if !slices.Contains(a.Profile().Context, "HWDevID") {
		t.NotApplicable("devices of profile %s tell no HWDevID (target.profiles)", a.Profile().Name)
	}
	a.First()
	var w *suite.Work
	works := false
	if t.CanWork() {
		w = t.Work()
		works = w.TryGive(a) == nil && arrives(a, w)
	}
	b := t.DeviceWith(func(c *dmclient.Config) {
		c.Identity.HWDevID, c.Identity.Serial = a.Identity().HWDevID, a.Identity().Serial
	})
	if err := b.Enroll(); err != nil {
		keepLast(b, "the last step of the second enrollment")
		t.Excused(err)
		if !refusedBy(err) {
			t.Fail("a SOAP fault for the second device, or an enrollment", said(err))
		}
		t.Evidence("the second device was refused: %v", err)
	} else {
		b.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
		b.Survived(b.Sync(dmclient.SyncOptions{}), "the enrollment of another device with its HWDevID")
	}
	a.Survived(a.Sync(dmclient.SyncOptions{}), "the enrollment of another device with its HWDevID")
	if !works {
		return
	}
	w.Give(a)
	if all := w.ForAll(); all != "" {
		t.Evidence("%s", all)
	} else if b.State() == dmclient.Enrolled {
		s := b.Sync(dmclient.SyncOptions{})
		t.Check(w.Times(s) == 0, w.String()+" in sessions of the device that it was given to", "it came to the other one")
	}
	came := arrives(a, w)
	if !came {
		w.NeedMore(a)
	}
	t.Check(came, w.String()+" for the first device", "it did not arrive within three sessions; an earlier one did")
}
