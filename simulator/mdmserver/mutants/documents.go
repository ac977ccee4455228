package mutants

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // CertificateStore names a certificate by its SHA-1
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of the provisioning document, and of enrolling again.
var (
	EnrDocVersion = &Mutant{"enr-doc-version", "leaves the version out of the provisioning document", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { p.Doc.Root().RemoveAttr("version") })
	}}
	EnrNoAppsrv = &Mutant{"enr-no-appsrv", "leaves APPAUTH APPSRV out", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.Remove(hook.AppSrv(p.Doc)) })
	}}
	EnrNoncePlain = &Mutant{"enr-nonce-plain", "writes AAUTHDATA without base64", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.SetParm(hook.AppSrv(p.Doc), "AAUTHDATA", "no base64!") })
	}}
	EnrNoROBO = &Mutant{"enr-no-robo", "says nothing about renewal", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			renew := hook.Find(p.Doc.Root(), "CertificateStore", "My", "WSTEP", "Renew")
			hook.Remove(hook.Parm(renew, "ROBOSupport"))
			hook.Remove(hook.Parm(renew, "RenewPeriod"))
		})
	}}
	EnrNoName = &Mutant{"enr-no-name", "leaves NAME out of the APPLICATION characteristic", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			hook.Remove(hook.Parm(hook.Find(p.Doc.Root(), "APPLICATION"), "NAME"))
		})
	}}
	EnrPollZero = &Mutant{"enr-poll-zero", "writes a poll schedule of zeros", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			poll := hook.Provider(p.Doc).FindElement("characteristic[@type='Poll']")
			for _, e := range poll.FindElements("parm[@datatype='integer']") {
				e.CreateAttr("value", "0")
			}
		})
	}}
	EnrPollMinute = &Mutant{"enr-poll-minute", "lets devices poll every minute for good", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			hook.SetParm(hook.Provider(p.Doc).FindElement("characteristic[@type='Poll']"), "IntervalForRemainingScheduledRetries", "1")
		})
	}}
	EnrPFNDocument = &Mutant{"enr-pfn-document", "writes the PFN into the provisioning document", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			push := hook.Provider(p.Doc).CreateElement("characteristic")
			push.CreateAttr("type", "Push")
			pfn := push.CreateElement("parm")
			pfn.CreateAttr("name", "PFN")
			pfn.CreateAttr("value", p.Config.PFN)
			pfn.CreateAttr("datatype", "string")
		})
	}}
	EnrWrongRoot = &Mutant{"enr-wrong-root", "delivers a root that did not issue the certificate", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			root := hook.Find(p.Doc.Root(), "CertificateStore", "Root", "System").FindElement("characteristic")
			der := otherRoot()
			root.CreateAttr("type", fmt.Sprintf("%X", sha1.Sum(der))) //nolint:gosec // as above
			hook.SetParm(root, "EncodedCertificate", base64.StdEncoding.EncodeToString(der))
		})
	}}

	EnrCriteriaOther = &Mutant{"enr-criteria-other", "names another subject than the certificate's in SSLCLIENTCERTSEARCHCRITERIA", func(t *tamper) {
		criteria(t, "Subject=CN%3d00000000-0000-0000-0000-000000000000&Stores=My%5CUser")
	}}
	EnrCriteriaStore = &Mutant{"enr-criteria-store", "searches another store than the certificate's in SSLCLIENTCERTSEARCHCRITERIA", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			found := hook.Parm(hook.Find(p.Doc.Root(), "APPLICATION"), "SSLCLIENTCERTSEARCHCRITERIA")
			found.CreateAttr("value", strings.Replace(found.SelectAttrValue("value", ""), "My%5CUser", "My%5CSystem", 1))
		})
	}}
	EnrCriteriaPlain = &Mutant{"enr-criteria-plain", "does not escape the values of SSLCLIENTCERTSEARCHCRITERIA", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			found := hook.Parm(hook.W7(p.Doc), "SSLCLIENTCERTSEARCHCRITERIA")
			found.CreateAttr("value", strings.NewReplacer("%3D", "=", "%5C", `\`, "%20", " ").Replace(found.SelectAttrValue("value", "")))
		})
	}}
	EnrCriteriaAbsent = &Mutant{"enr-criteria-absent", "leaves SSLCLIENTCERTSEARCHCRITERIA out", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.Remove(hook.Parm(hook.W7(p.Doc), "SSLCLIENTCERTSEARCHCRITERIA")) })
	}}
	EnrThumbprintWrong = &Mutant{"enr-thumbprint-wrong", "names the client certificate by another thumbprint", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			hook.MyStore(p.Doc).FindElement("characteristic").CreateAttr("type", strings.Repeat("0", 40))
		})
	}}

	EnrNonceSame = &Mutant{"enr-nonce-same", "gives all devices the same nonce and secret", func(t *tamper) {
		hook.On(t, mdmserver.Enrolled, func(c *mdmserver.Change) {
			a := &c.Device.Auth
			a.Secret, a.Nonce, a.ServerSecret, a.ServerNonce = "secret", []byte("nonce"), "secret", []byte("nonce")
		})
	}}
	EnrStaleSession = &Mutant{"enr-stale-session", "goes on with a session that was cut off before the device enrolled again", func(t *tamper) {
		hook.On(t, mdmserver.Enrolled, func(c *mdmserver.Change) {
			if c.Old != nil && c.Old.Session != nil && !c.Old.Session.Over {
				c.Device.Session = c.Old.Session
			}
		})
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			if s := v.Device.Session; s != nil && s.ID == v.In.Hdr.SessionID && !s.Over {
				v.Opens = false
			}
			return 0
		})
	}}
	EnrAgainMute = &Mutant{"enr-again-mute", "sends nothing that is queued for a device that enrolled again", func(t *tamper) {
		mute := map[*mdmserver.Device]bool{}
		hook.On(t, mdmserver.Enrolled, func(c *mdmserver.Change) { mute[c.Device] = c.Old != nil })
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if mute[v.Device] {
				hook.LeaveOut(r, hook.Queued)
			}
		})
	}}
	ChnKeepEnrollment = &Mutant{"chn-keep-enrollment", "keeps the channel when a device enrolls again", func(t *tamper) {
		hook.On(t, mdmserver.Enrolled, func(c *mdmserver.Change) {
			if c.Old != nil {
				c.Device.Push = c.Old.Push
			}
		})
	}}
	EnrProviderSecond = &Mutant{"enr-provider-second", "writes its poll schedule under another provider, too", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			other := hook.Provider(p.Doc).Copy()
			other.CreateAttr("type", "Another MDM")
			hook.Find(p.Doc.Root(), "DMClient", "Provider").InsertChildAt(0, other)
		})
	}}
	EnrKeyContainerElsewhere = &Mutant{"enr-key-container-elsewhere", "writes PrivateKeyContainer into another store than the certificate", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			store := hook.MyStore(p.Doc)
			keys := hook.Find(store, "PrivateKeyContainer")
			other := map[string]string{"User": "System", "System": "User"}[store.SelectAttrValue("type", "")]
			hook.AddCharacteristic(store.Parent(), other).AddChild(keys)
		})
	}}
)

var documents = []*Mutant{
	EnrDocVersion, EnrNoAppsrv, EnrNoncePlain, EnrNoROBO, EnrNoName, EnrPollZero, EnrPollMinute, EnrPFNDocument, EnrWrongRoot, EnrNonceSame,
	EnrStaleSession, EnrAgainMute, EnrCriteriaOther, EnrCriteriaStore, EnrCriteriaPlain, EnrCriteriaAbsent, EnrThumbprintWrong,
	EnrProviderSecond, EnrKeyContainerElsewhere,
}

// criteria replaces SSLCLIENTCERTSEARCHCRITERIA.
func criteria(t *tamper, value string) {
	hook.Document(t, func(p *mdmserver.Provisioning) {
		hook.SetParm(hook.Find(p.Doc.Root(), "APPLICATION"), "SSLCLIENTCERTSEARCHCRITERIA", value)
	})
}

// otherRoot is the certificate of an authority that issues nothing.
func otherRoot() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "another CA"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return der
}
