package mutants

import (
	"crypto/sha1" //nolint:gosec // CertificateStore names a certificate by its SHA-1
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of what the provisioning document sets up: stores, account, polling,
// renewal.
var (
	EnrDocCut = &Mutant{"enr-doc-cut", "cuts the end of the provisioning document", func(t *tamper) {
		onDocument(t, func(raw []byte) []byte { return raw[:len(raw)/2] })
	}}
	SesIDRaw = &Mutant{"ses-id-raw", "writes the device's id into the provisioning document as text that is not escaped", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.SetParm(hook.W7(p.Doc), "NAME", p.Device.ID) })
		name := regexp.MustCompile(`<parm name="NAME" value="[^"]*`)
		onDocument(t, func(raw []byte) []byte { return name.ReplaceAllFunc(raw, unescaped) })
	}}
	EnrCertLines = &Mutant{"enr-cert-lines", "breaks the base64 of certificates into lines", func(t *tamper) {
		lines := regexp.MustCompile(`.{64}`)
		hook.Document(t, func(p *mdmserver.Provisioning) {
			for _, e := range p.Doc.FindElements("//parm[@name='EncodedCertificate']") {
				e.CreateAttr("value", lines.ReplaceAllString(e.SelectAttrValue("value", ""), "$0\n"))
			}
		})
	}}
	EnrStoreCase = &Mutant{"enr-store-case", "writes names of certificate stores in lower case", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			root := hook.Find(p.Doc.Root(), "CertificateStore", "Root")
			hook.Find(root, "System").CreateAttr("type", "system")
			root.CreateAttr("type", "root")
		})
	}}
	EnrNoKeyContainer = &Mutant{"enr-no-key-container", "leaves PrivateKeyContainer out", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			hook.Remove(hook.Find(hook.MyStore(p.Doc), "PrivateKeyContainer"))
		})
	}}
	EnrTwoRoots = &Mutant{"enr-two-roots", "delivers a root that the client certificate does not need", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			der := otherRoot()
			more := hook.AddCharacteristic(hook.Find(p.Doc.Root(), "CertificateStore", "Root", "System"), fmt.Sprintf("%X", sha1.Sum(der))) //nolint:gosec // as above
			hook.AddParm(more, "EncodedCertificate", base64.StdEncoding.EncodeToString(der), "")
		})
	}}
	EnrCSPOther = &Mutant{"enr-csp-other", "configures BitLocker in the provisioning document", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			hook.AddParm(hook.AddCharacteristic(p.Doc.Root(), "BitLocker"), "RequireDeviceEncryption", "1", "integer")
		})
	}}

	EnrAppIDCase = &Mutant{"enr-appid-case", "writes APPID W7", func(t *tamper) { w7Parm(t, "APPID", "W7") }}
	EnrParmCase  = &Mutant{"enr-parm-case", "writes names of the w7 APPLICATION in mixed case", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			app := hook.W7(p.Doc)
			for _, name := range []string{"NAME", "CONNRETRYFREQ"} {
				hook.Parm(app, name).CreateAttr("name", name[:1]+strings.ToLower(name[1:]))
			}
		})
	}}
	EnrAuthType = &Mutant{"enr-auth-type", "writes an AAUTHTYPE that no level allows", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			hook.SetParm(hook.W7(p.Doc).FindElement("characteristic/parm[@value='CLIENT']").Parent(), "AAUTHTYPE", "HMAC")
		})
	}}
	EnrNoSecret = &Mutant{"enr-no-secret", "leaves the server's secret out", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			if p.Config.SessionAuth == "" { // nobody needs it
				hook.Remove(hook.Parm(hook.W7(p.Doc).FindElement("characteristic/parm[@value='CLIENT']").Parent(), "AAUTHSECRET"))
			}
		})
	}}
	EnrSecretShort = &Mutant{"enr-secret-short", "makes secrets of eight characters", func(t *tamper) {
		hook.On(t, mdmserver.Enrolled, func(c *mdmserver.Change) { c.Device.Auth.Secret = c.Device.Auth.Secret[:8] })
	}}
	EnrProviderOther = &Mutant{"enr-provider-other", "names DMClient/Provider otherwise than PROVIDER-ID", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.Provider(p.Doc).CreateAttr("type", "another MDM") })
	}}
	EnrRole = &Mutant{"enr-role", "writes the role of a mobile operator", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.AddParm(hook.W7(p.Doc), "ROLE", "8", "") })
	}}
	EnrInit = &Mutant{"enr-init", "writes INIT", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.AddParm(hook.W7(p.Doc), "INIT", "", "") })
	}}
	EnrRetryText   = &Mutant{"enr-retry-text", "writes a word as the number of retries", func(t *tamper) { w7Parm(t, "CONNRETRYFREQ", "often") }}
	EnrAddressBoth = &Mutant{"enr-address-both", "writes ManagementServiceAddress beside ManagementServerAddressList", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			own := p.Config.BaseURL + mdmserver.ManagementPath
			hook.AddParm(hook.Provider(p.Doc), "ManagementServerAddressList", "<"+own+">", "string")
			hook.AddParm(hook.Provider(p.Doc), "ManagementServiceAddress", own, "string")
		})
	}}
	EnrAddressSession = &Mutant{"enr-address-session", "adds an address without TLS in a session", func(t *tamper) {
		told := map[*mdmserver.Device]bool{}
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if told[v.Device] || !hook.Planning(v) {
				return
			}
			told[v.Device] = true
			list := "<" + v.Config.BaseURL + mdmserver.ManagementPath + "><http://mdm.example/manage>"
			r.Plan = append(r.Plan, mdmserver.Planned{Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush},
				Command: hook.Command(syncml.Replace, hook.Account(v.Config)+"/ManagementServerAddressList", "chr", list)})
		})
	}}
	EnrSyncVersion = &Mutant{"enr-sync-version", "writes a SyncApplicationVersion of three numbers", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			hook.AddParm(hook.Provider(p.Doc), "SyncApplicationVersion", "1.0.1", "string")
		})
	}}

	EnrPollFirstZero = &Mutant{"enr-poll-first-zero", "writes 0 as the number of the first retries", func(t *tamper) { pollParm(t, "NumberOfFirstRetries", "0") }}
	EnrPollFaster    = &Mutant{"enr-poll-faster", "lets devices poll more often in the second set", func(t *tamper) { pollParm(t, "IntervalForSecondSetOfRetries", "3") }}
	EnrPollEndless   = &Mutant{"enr-poll-endless", "writes two sets that never end", func(t *tamper) { pollParm(t, "NumberOfSecondRetries", "0") }}

	EnrRenewUntyped = &Mutant{"enr-renew-untyped", "leaves the datatypes of renewal out", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			for _, e := range renewal(p).SelectElements("parm") {
				e.RemoveAttr("datatype")
			}
		})
	}}
	EnrRetryLong = &Mutant{"enr-retry-long", "lets devices retry a renewal less often than the renewal period allows", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.SetParm(renewal(p), "RetryInterval", "90") })
	}}
	EnrRenewURL = &Mutant{"enr-renew-url", "writes a relative URL for renewal", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.AddParm(renewal(p), "ServerURL", "/renewal", "string") })
	}}
	EnrRenewEarly = &Mutant{"enr-renew-early", "lets renewal start as soon as the certificate was issued", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) { hook.SetParm(renewal(p), "RenewPeriod", "365") })
	}}
	EnrRenewLate = &Mutant{"enr-renew-late", "lets renewal start ten days before the end, with a try a week", func(t *tamper) {
		hook.Document(t, func(p *mdmserver.Provisioning) {
			hook.SetParm(renewal(p), "RenewPeriod", "10")
			hook.SetParm(renewal(p), "RetryInterval", "7")
		})
	}}
)

var accounts = []*Mutant{
	EnrDocCut, SesIDRaw, EnrCertLines, EnrStoreCase, EnrNoKeyContainer, EnrTwoRoots, EnrCSPOther, EnrAppIDCase, EnrParmCase, EnrAuthType, EnrNoSecret,
	EnrSecretShort, EnrProviderOther, EnrRole, EnrInit, EnrRetryText, EnrAddressBoth, EnrAddressSession, EnrSyncVersion, EnrPollFirstZero, EnrPollFaster, EnrPollEndless,
	EnrRenewUntyped, EnrRetryLong, EnrRenewURL, EnrRenewEarly, EnrRenewLate,
}

// onDocument lets f change the bytes of every provisioning document.
func onDocument(t *tamper, f func(raw []byte) []byte) {
	hook.SOAP(t, func(_ *hook.Exchange, doc *etree.Document) {
		e := doc.FindElement("//RequestedSecurityToken/BinarySecurityToken")
		if e == nil {
			return
		}
		if raw, err := base64.StdEncoding.DecodeString(e.Text()); err == nil {
			e.SetText(base64.StdEncoding.EncodeToString(f(raw)))
		}
	})
}

// w7Parm changes a parameter of the w7 APPLICATION.
func w7Parm(t *tamper, name, value string) {
	hook.Document(t, func(p *mdmserver.Provisioning) { hook.SetParm(hook.W7(p.Doc), name, value) })
}

// pollParm changes a value of the poll schedule.
func pollParm(t *tamper, name, value string) {
	hook.Document(t, func(p *mdmserver.Provisioning) { hook.SetParm(hook.Find(hook.Provider(p.Doc), "Poll"), name, value) })
}

// renewal is the characteristic of a document's renewal.
func renewal(p *mdmserver.Provisioning) *etree.Element {
	return hook.Find(p.Doc.Root(), "CertificateStore", "My", "WSTEP", "Renew")
}
