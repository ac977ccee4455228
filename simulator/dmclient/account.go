package dmclient

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// ProviderURI is the LocURI of a management account, its name encoded.
func ProviderURI(provider string) string {
	return "./Vendor/MSFT/DMClient/Provider/" + url.PathEscape(provider)
}

// Provider is the account the device enrolled with, empty before Enroll.
func (d *Device) Provider() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.provider
}

// PushURI is the LocURI of the account's push node, empty before Enroll.
func (d *Device) PushURI() string {
	if p := d.Provider(); p != "" {
		return ProviderURI(p) + "/Push"
	}
	return ""
}

// account reads a node of the account in DMClient, even one that servers cannot
// read.
func (d *Device) account(node string) string {
	v, _ := d.tree.Look(ProviderURI(d.Provider()) + "/" + node)
	return v
}

// accURI is the account in DMAcc, named by the SHA-256 of the ProviderID
// (Learn, "DMAcc CSP").
func accURI(provider string) string {
	if last := lastAccount.Load(); last != nil && last.provider == provider {
		return last.uri
	}
	a := &accountURI{provider, fmt.Sprintf("./SyncML/DMAcc/%x", sha256.Sum256([]byte(provider)))}
	lastAccount.Store(a)
	return a.uri
}

// lastAccount caches the last result: all devices of a run have the same
// provider, and a session asks several times.
var lastAccount atomic.Pointer[accountURI]

type accountURI struct{ provider, uri string }

// dmAcc reads a node of the account in DMAcc.
func (d *Device) dmAcc(node string) string {
	v, _ := d.tree.Look(accURI(d.Provider()) + "/" + node)
	return v
}

// Address is the management server's URL: what the server set in DMClient, or
// the ADDR of the provisioning document.
func (d *Device) Address() string { return d.addresses()[0] }

// addresses are all URLs; a ManagementServerAddressList takes precedence over
// ManagementServiceAddress (Learn, "DMClient CSP").
func (d *Device) addresses() []string {
	d.mu.Lock()
	first := d.addr
	d.mu.Unlock()
	list := d.account("ManagementServerAddressList")
	if list == first || list == "" {
		list = d.account("ManagementServiceAddress")
	}
	var out []string
	for _, a := range strings.FieldsFunc(list, func(r rune) bool { return r == '<' || r == '>' }) {
		if a = strings.TrimSpace(a); a != "" {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return []string{first}
	}
	return out
}

// inClear refuses a session over plain HTTP: it would show credentials and tokens. A
// server can set such an address, in ManagementServiceAddress or
// ManagementServerAddressList. That Windows opens no session there is a model.
func (d *Device) inClear(addr string) error {
	if d.cfg.AllowHTTP || !enroll.Plain(addr) {
		return nil
	}
	return fmt.Errorf("the management address is %s: the session would not be encrypted; the URL must be https, or http be allowed (target.allow_http: true)", addr)
}

// serves reports whether sessions can go to a URL: an absolute one of https, or of
// http if that is allowed.
func (d *Device) serves(addr string) bool {
	u, err := url.Parse(addr)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && d.cfg.AllowHTTP)
}

// install applies the provisioning document. Only missing essentials are
// errors.
func (d *Device) install(doc *enroll.Provisioning) error {
	refuse := func(code, format string, args ...any) error {
		return &enroll.Error{Step: enroll.StepInstall, Err: &enroll.CodedError{Code: code, Err: fmt.Errorf(format, args...)}}
	}
	if len(doc.ClientCert) == 0 {
		return refuse(enroll.CodeCertStore, "no client certificate under CertificateStore/My")
	}
	if _, err := enroll.ReadCert(doc.ClientCert); err != nil {
		return refuse(enroll.CodeCertStore, "client %w", err)
	}
	if !d.serves(doc.App.Addr) {
		return refuse(enroll.CodeApplication, "APPLICATION ADDR %q is not an absolute https URL", doc.App.Addr)
	}
	if d.cfg.Profile.Quirks.NeedsAAuthData {
		for _, a := range doc.App.Auth {
			if a.Data == "" && !strings.EqualFold(a.Type, "BASIC") { // a password has no nonce
				return refuse(enroll.CodeInvalidArg, "APPAUTH %s has no initial nonce (AAUTHDATA)", a.Level)
			}
		}
	}
	provider := doc.App.ProviderID
	if provider == "" {
		provider = doc.Provider.ID
	}
	d.forget()
	d.mu.Lock()
	d.doc, d.provider, d.addr, d.roots = doc, provider, doc.App.Addr, doc.Roots
	d.mu.Unlock()
	base := ProviderURI(provider)
	// The account exists from now on, whatever the document sets in it.
	d.tree.Provision(base, "")
	d.tree.Provision(base+"/UPN", d.cfg.Username)
	for _, n := range doc.Provider.Nodes {
		if strings.HasPrefix(strings.ToLower(n.Path), "push/") {
			continue // not configurable here (MS-MDE2 2.2.9.3)
		}
		d.tree.Provision(base+"/"+n.Path, n.Value)
	}
	for _, n := range doc.Renew {
		d.tree.Provision("./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/"+n.Path, n.Value)
	}
	d.provisionDMAcc(provider, &doc.App)
	d.enrolled(doc.ClientCert)
	if err := d.FindCertificate(); err != nil {
		d.log.Warn("the client certificate would not be found", "err", err)
	}
	return nil
}

// enrolled starts the device's life with a certificate.
func (d *Device) enrolled(cert []byte) {
	d.Disconnect()
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	d.cert, d.state = cert, Enrolled
	d.schedule = schedule{enrolled: now, lastPoll: now, lastContact: now}
	d.renewal = renewal{}
	d.setup = setup{NoContext: d.login != LoginUser}
}

// parmNodes are the parameters of the w7 APPLICATION that DMAcc keeps (Learn,
// "w7 APPLICATION CSP" and "DMAcc CSP").
var parmNodes = map[string]string{
	"APPID": "AppID", "PROVIDER-ID": "ServerID", "NAME": "Name", "AAUTHPREF": "AAuthPref", "ADDR": "AppAddr/1/Addr",
	"ROLE": "Ext/Microsoft/Role", "PROTOVER": "Ext/Microsoft/ProtoVer", "DEFAULTENCODING": "Ext/Microsoft/DefaultEncoding",
	"USEHWDEVID": "Ext/Microsoft/UseHwDevID", "CONNRETRYFREQ": "Ext/Microsoft/ConnRetryFreq",
	"INITIALBACKOFFTIME": "Ext/Microsoft/InitialBackOffTime", "MAXBACKOFFTIME": "Ext/Microsoft/MaxBackOffTime",
	"CRLCHECK": "Ext/Microsoft/CRLCheck", "DISABLEONROAMING": "Ext/Microsoft/DisableOnRoaming",
	"SSLCLIENTCERTSEARCHCRITERIA": "Ext/Microsoft/SSLCLIENTCERTSEARCHCRITERIA",
}

// provisionDMAcc maps the APPLICATION characteristic. APPAUTH level APPSRV is
// the client's credential (CLCRED), level CLIENT the server's (SRVCRED).
func (d *Device) provisionDMAcc(provider string, app *enroll.Application) {
	acc := accURI(provider)
	for parm, v := range app.Parms {
		if node := parmNodes[parm]; node != "" && v != "" {
			d.tree.Provision(acc+"/"+node, v)
		}
	}
	if _, ok := app.Parms["BACKCOMPATRETRYDISABLED"]; ok {
		d.tree.Provision(acc+"/Ext/Microsoft/BackCompatRetryDisabled", "true")
	}
	for _, a := range app.Auth {
		level := map[string]string{"APPSRV": clientCred, "CLIENT": serverCred}[strings.ToUpper(a.Level)]
		if level == "" {
			continue
		}
		for node, v := range map[string]string{
			"AAuthLevel": level, "AAuthType": a.Type, "AAuthName": a.Name, "AAuthSecret": a.Secret, "AAuthData": a.Data,
		} {
			if v != "" {
				d.tree.Provision(acc+"/AppAuth/"+level+"/"+node, v)
			}
		}
	}
}

// forget removes the account and everything it brought, including policies and
// profiles: at unenrollment, and before a new enrollment.
func (d *Device) forget() {
	d.push.closeAll()
	d.Disconnect()
	d.mu.Lock()
	d.cert, d.doc, d.provider, d.addr, d.roots = nil, nil, "", "", nil
	d.jobs, d.alerts, d.pending = nil, nil, nil
	d.directory = directory{}
	d.mu.Unlock()
	d.tree.Restore(nil)
	d.describe()
}

// Provisioned is a device that enrolled with another tool or in another run.
type Provisioned struct {
	ServerURL  string // where sessions go
	ProviderID string
	// Certificate is the client certificate in DER, Key its key.
	Certificate []byte
	Key         crypto.Signer
	// EnrollmentURL is where the certificate is renewed; empty if it cannot be.
	EnrollmentURL string
	// PFN is the PFN that the server set before; Reconnect registers it.
	PFN string
}

// AdoptTLS is Adopt with a certificate as crypto/tls loads it.
func (d *Device) AdoptTLS(serverURL, providerID string, cert tls.Certificate) error {
	key, ok := cert.PrivateKey.(crypto.Signer)
	if !ok || len(cert.Certificate) == 0 {
		return errors.New("adopt the device: the certificate is empty or its key cannot sign")
	}
	return d.Adopt(Provisioned{ServerURL: serverURL, ProviderID: providerID, Certificate: cert.Certificate[0], Key: key})
}

// Adopt makes the device one that is already enrolled.
func (d *Device) Adopt(p Provisioned) error {
	d.session.Lock()
	defer d.session.Unlock()
	switch {
	case !d.serves(p.ServerURL):
		return fmt.Errorf("adopt the device: the server's URL %q is not an absolute https URL", p.ServerURL)
	case p.ProviderID == "":
		return errors.New("adopt the device: the ProviderID is missing; push commands name the account by it")
	case len(p.Certificate) == 0 || p.Key == nil:
		return errors.New("adopt the device: the client certificate and its key are required")
	}
	if _, err := enroll.ReadCert(p.Certificate); err != nil {
		return fmt.Errorf("adopt the device: %w", err)
	}
	d.forget()
	d.mu.Lock()
	d.provider, d.addr, d.key, d.enrollURL = p.ProviderID, p.ServerURL, p.Key, p.EnrollmentURL
	d.mu.Unlock()
	d.tree.Provision(ProviderURI(p.ProviderID), "")
	d.provisionDMAcc(p.ProviderID, &enroll.Application{Parms: map[string]string{"APPID": "w7", "PROVIDER-ID": p.ProviderID, "ADDR": p.ServerURL}})
	d.enrolled(p.Certificate)
	if p.PFN != "" {
		d.tree.Provision(ProviderURI(p.ProviderID)+"/Push/PFN", p.PFN)
		d.push.mu.Lock()
		d.push.accounts[p.ProviderID] = &pushAccount{pfn: p.PFN, status: PushNoChannel}
		d.push.mu.Unlock()
	}
	return nil
}

// duration reads a node with a number of units.
func duration(v string, unit, fallback time.Duration) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil || n < 0 {
		return fallback
	}
	return time.Duration(n) * unit
}

func decodeNonce(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return nil
	}
	return b
}

// escape makes a name a segment of a LocURI.
func escape(name string) string { return url.PathEscape(name) }
