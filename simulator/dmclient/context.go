package dmclient

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// The items of an RST's AdditionalContext, in order; MAC stands for as many as
// there are adapters. Items that depend on the server follow in attestation.
var (
	// contextBefore10 has no HWDevID, Locale and NotInOobe: MS-MDE2 appendix B,
	// <31> and <32>, excludes them up to Windows 10 1511 [doc]. The order is that of
	// the captures [model].
	contextBefore10 = []string{"UXInitiated", "TargetedUserLoggedIn", "OSEdition", "DeviceName", "MAC", "DeviceID", "EnrollmentType",
		"DeviceType", "OSVersion", "ApplicationVersion"}
	// context10 is what Windows 10 19043 sent [seen].
	context10 = []string{"UXInitiated", "HWDevID", "Locale", "TargetedUserLoggedIn", "OSEdition", "DeviceName", "MAC", "DeviceID", "EnrollmentType",
		"DeviceType", "OSVersion", "ApplicationVersion", "NotInOobe"}
	// context25H2 is what Windows 11 26200.9278 sent [seen]. MS-MDE2 does not name
	// its last three items; the capture decides.
	context25H2 = append(slices.Clone(context10), "Manufacturer", "DeviceModel", "SerialNumber")
)

// Attestation is what a device says of its key in the enrollment if the server
// asks for it. There is no TPM behind it: see package enroll.
type Attestation string

// Kinds of attestation.
const (
	AttestGood     Attestation = "good" // the default
	AttestNone     Attestation = "none"
	AttestOtherKey Attestation = "other-key"
	AttestForged   Attestation = "forged"
	AttestGarbage  Attestation = "garbage"
)

// Means says in words what a device sends; empty for an unknown kind.
func (a Attestation) Means() string {
	return map[Attestation]string{
		AttestGood:     "a claim about the key of the request, signed by the AIK",
		AttestNone:     "none, as a device without a usable TPM",
		AttestOtherKey: "a claim about another key than the request's",
		AttestForged:   "a claim that its AIK did not sign",
		AttestGarbage:  "base64 of something else",
	}[a]
}

// Attestations lists all kinds.
func Attestations() []Attestation {
	return []Attestation{AttestGood, AttestNone, AttestOtherKey, AttestForged, AttestGarbage}
}

// Context is the list of facts the device sends with its CSR.
func (d *Device) Context() []enroll.ContextItem {
	d.mu.Lock()
	key := d.key
	d.mu.Unlock()
	items, err := d.contextFor(key)
	if err != nil {
		d.log.Warn("no attestation", "err", err)
	}
	return items
}

// contextFor is the context of a request for key. With an error it is complete
// but for the attestation.
func (d *Device) contextFor(key crypto.Signer) ([]enroll.ContextItem, error) {
	id, p := &d.cfg.Identity, &d.cfg.Profile
	value := map[string]string{
		"UXInitiated": "true", "TargetedUserLoggedIn": "true", "NotInOobe": "false",
		"HWDevID": id.HWDevID, "Locale": id.Locale, "OSEdition": p.OSEdition, "DeviceName": id.Name, "DeviceID": id.DeviceID,
		"EnrollmentType": d.cfg.EnrollmentType, "DeviceType": p.DeviceType, "OSVersion": p.OSVersion, "ApplicationVersion": p.ApplicationVersion,
		"Manufacturer": id.Manufacturer, "DeviceModel": id.Model, "SerialNumber": id.SerialNumber(),
	}
	first, last, err := d.attest(key)
	items := first
	for _, name := range p.Context {
		if name != "MAC" {
			items = append(items, enroll.ContextItem{Name: name, Value: value[name]})
			continue
		}
		for _, m := range id.adapters(p.Adapters) {
			items = append(items, enroll.ContextItem{Name: name, Value: m})
		}
	}
	return append(items, last...), err
}

// noAttestation is what 26200.9278 says if the server names no algorithm for an
// AIK, which no server was seen to do [seen with EnrollmentVersion 3.0 and 9.0].
// MS-MDE2 knows these items from RequestVersion 7.0 on [doc].
var noAttestation = []enroll.ContextItem{
	{Name: "AttestationStatus", Value: "Status=AttestationResultNoAttestation;AttestationErrorMsg=No AIK algorithms provided"},
	{Name: "AttestationStatusHResult", Value: "0x80070057"},
}

// attest gives the items about the request's key that come before and after all
// others. They depend on RequestVersion, the EnrollmentVersion that Discover
// answered, and what GetPolicies asks for.
//
//   - below 5.0 on either side: none [doc; seen on 19043], but a device of 7.0 or
//     later says that it does not attest [seen on 26200]
//   - 5.0: AIKPub and AIKAttestationClaim first [seen on 26200]. MS-MDE2 also
//     names AIKCert and EmmDeviceId [doc], which that device did not send.
//   - 6.0 to 8.0: AzureAttestationBlob takes their place if GetPolicies has
//     azureAttestation [doc; the order is a model]
//   - 9.0: not attested, as above [seen on 26200]
func (d *Device) attest(key crypto.Signer) (first, last []enroll.ContextItem, err error) {
	d.mu.Lock()
	disc, azure := d.discovered, d.azure
	d.mu.Unlock()
	request, offered := version(d.cfg.Profile.RequestVersion), 0.0
	if disc != nil {
		offered = version(disc.EnrollmentVersion)
	}
	v := min(request, offered)
	if offered < 5 {
		v = request
	}
	add := func(to *[]enroll.ContextItem, name string, value []byte) {
		*to = append(*to, enroll.ContextItem{Name: name, Value: base64.StdEncoding.EncodeToString(value)})
	}
	switch {
	case request < 5, offered < 5 && request < 7:
		return nil, nil, nil
	case v < 6 && d.cfg.Attestation != AttestNone:
		var pub, claim []byte
		if pub, claim, err = d.claim(key); err == nil {
			add(&first, "AIKPub", pub)
			add(&first, "AIKAttestationClaim", claim)
		}
	case offered >= 5 && v < 9 && azure != nil && d.cfg.Attestation != AttestNone:
		var blob []byte
		if blob, err = d.blob(*azure); err == nil {
			add(&first, "AzureAttestationBlob", blob)
		}
	}
	last = []enroll.ContextItem{{Name: "RequestVersion", Value: fmt.Sprintf("%.1f", v)}}
	if first == nil && v >= 7 {
		last = append(last, noAttestation...)
	}
	return first, last, err
}

func version(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return v
}

// aiks are the attestation keys of all devices of this process: one takes as
// long to make as a device's own key.
var aiks = enroll.NewKeyPool(16)

// claim makes AIKPub and AIKAttestationClaim.
func (d *Device) claim(key crypto.Signer) (pub, claim []byte, err error) {
	aik, err := aiks.RSA()
	if err != nil || key == nil {
		return nil, nil, err
	}
	subject := key.Public()
	if d.cfg.Attestation == AttestOtherKey {
		subject = &aik.PublicKey
	}
	if claim, err = enroll.AIKClaim(aik, subject); err != nil {
		return nil, nil, err
	}
	return enroll.AIKPub(&aik.PublicKey), d.spoil(claim), nil
}

// blob makes AzureAttestationBlob.
func (d *Device) blob(of enroll.AzureAttestation) ([]byte, error) {
	aik, err := aiks.RSA()
	if err != nil {
		return nil, err
	}
	if d.cfg.Attestation == AttestOtherKey {
		of.Nonce = "another nonce"
	}
	b, err := enroll.AzureBlob(aik, of)
	return d.spoil(b), err
}

// spoil makes a forged claim or token, or garbage, of a good one.
func (d *Device) spoil(b []byte) []byte {
	switch d.cfg.Attestation {
	case AttestForged:
		at := &b[len(b)/4] // inside of the signature, or of what it signs
		if *at != 'x' {
			*at = 'x' // a token stays base64
		} else {
			*at = 'y'
		}
	case AttestGarbage:
		sum := sha256.Sum256(b)
		copy(b, sum[:])
	}
	return b
}
