package dmclient

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // a certificate's thumbprint is its SHA-1
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/dmwake/dmwake/simulator/csp"
)

// host is the device as its CSPs see it.
type host struct{ *Device }

func (h host) SetPFN(c *csp.Call, provider, pfn string) int { return h.push.SetPFN(c, provider, pfn) }
func (h host) Channel(provider string) (string, int)        { return h.push.Channel(provider) }
func (h host) RemovePush(provider string)                   { h.push.RemovePush(provider) }

func (h host) Now() time.Time { return h.now() }

func (h host) Effect(e csp.Effect) {
	h.mu.Lock()
	h.pending = append(h.pending, e)
	h.mu.Unlock()
	if h.cfg.OnEffect != nil {
		h.cfg.OnEffect(e)
	}
}

func (h host) Begin(j csp.Job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j.Due = j.Due.Add(h.cfg.JobTime)
	h.jobs = append(h.jobs, j)
}

func (h host) Save() func() {
	push := h.push.save()
	h.mu.Lock()
	defer h.mu.Unlock()
	effects, jobs := len(h.pending), slices.Clone(h.jobs)
	return func() {
		push()
		h.mu.Lock()
		defer h.mu.Unlock()
		h.pending, h.jobs = h.pending[:effects], jobs
	}
}

// Decrypt opens a CMS envelope for the client certificate.
func (h host) Decrypt(cms []byte) ([]byte, error) {
	h.mu.Lock()
	der, key := h.cert, h.key
	h.mu.Unlock()
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the client certificate's key is not RSA")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	p7, err := pkcs7.Parse(cms)
	if err != nil {
		return nil, err
	}
	return p7.Decrypt(cert, crypto.PrivateKey(rsaKey))
}

// Fact is a fact of the device, by the names that the CSP descriptions use.
func (h host) Fact(name string) string {
	value, told := "", false
	each(h.Device, func(f Factual) {
		if v, ok := f.Fact(name); ok {
			value, told = v, true
		}
	})
	if told {
		return value
	}
	id, p := &h.cfg.Identity, &h.cfg.Profile
	switch name {
	case "DevId":
		return id.DeviceID
	case "Man":
		return id.Manufacturer
	case "Mod", "DevTyp":
		return id.Model
	case "DmV":
		return p.DmV
	case "Lang":
		return id.Locale
	case "FwV", "HwV":
		return "1.0"
	case "SwV":
		return p.OSVersion
	case "LrgObj":
		return fmt.Sprint(h.Profile().Quirks.LargeObjects)
	case "Architecture":
		if p.Phone {
			return "5"
		}
		return "9"
	case "OSPlatform":
		return p.Platform
	case "Edition":
		return p.OSEdition
	case "MaxSyncVersion":
		return p.MaxSyncVersion
	case "LocalTime":
		return h.now().Format(time.RFC3339)
	case "DeviceName":
		return id.Name
	case "Serial":
		return id.SerialNumber()
	case "MAC":
		if len(id.MACs) > 0 {
			return strings.ReplaceAll(id.MACs[0], "-", "")
		}
	case "IMEI":
		return imei(id.DeviceID)
	case "HWDevID":
		return id.HWDevID
	case "HardwareData":
		return base64.StdEncoding.EncodeToString([]byte("dmwake " + id.HWDevID))
	case "PublisherDeviceID", "AADDeviceID":
		sum := sha256.Sum256([]byte(name + id.DeviceID))
		return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	case "EnrollmentType":
		return h.cfg.EnrollmentType
	case "Linked":
		return fmt.Sprint(h.primary != nil)
	}
	return h.accountFact(name)
}

// accountFact are facts from the enrollment.
func (h host) accountFact(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch name {
	case "Addr":
		return h.addr
	case "Federated":
		return fmt.Sprint(h.federated)
	case "CertThumbprint":
		if h.cert != nil {
			return fmt.Sprintf("%X", sha1.Sum(h.cert)) //nolint:gosec // as above
		}
	case "CertRenewTimeStamp", "RenewAttempt":
		if !h.renewal.at.IsZero() {
			return h.renewal.at.UTC().Format(time.RFC3339)
		}
	case "DeviceSetupOver":
		p := h.setup.Page.Phase
		return fmt.Sprint(p != pagePreparation && p != pageDevice)
	case "AccountSetupOver":
		return fmt.Sprint(h.setup.Page.Phase != pageAccount)
	case "RenewError":
		return fmt.Sprint(h.renewal.code)
	case "RenewStatus":
		return fmt.Sprint(h.renewal.status)
	}
	return ""
}

func clip(s string, n int) string { return s[:min(n, len(s))] }

// imei derives fifteen digits from a DeviceID.
func imei(deviceID string) string {
	sum := sha256.Sum256([]byte(deviceID))
	var b strings.Builder
	for _, c := range sum[:15] {
		b.WriteByte('0' + c%10)
	}
	return b.String()
}
