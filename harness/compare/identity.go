package compare

import (
	"encoding/asn1"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/smallstep/pkcs7"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// known is what a device's messages say about it: the inputs of the simulated one.
type known struct {
	identity dmclient.Identity
	email    string
	// OSVersion and the others are empty if no message has them.
	osVersion, applicationVersion, osEdition string
	deviceType, enrollmentType               string
	credential                               *enroll.Credential
	byCertificate, attests                   bool
	provider, address                        string
	// credName is the name beside a credential in sessions, credType its type.
	credName, credType string
	extended           bool   // the first message declares the extension namespace
	entDMID            string // from the header client-request-id

	// build is the number in the middle of a version, and from is where it stood.
	build int
	from  string
	phone bool
}

var providerPath = regexp.MustCompile(`/DMClient/Provider/([^/<&\s?]+)`)

// learn reads the steps of one device.
func learn(d *Device) *known {
	k := &known{identity: dmclient.Identity{DeviceID: d.ID, GUID: "00000000-0000-4000-8000-000000000000", Name: "DESKTOP", Manufacturer: "unknown", Model: "unknown", Locale: "en-US"}}
	for _, s := range d.Steps {
		switch s.Kind {
		case Discover:
			k.discover(s)
		case Policies, Token, Renewal:
			k.token(s)
		case Message:
			k.session(s)
		}
		for _, body := range [][]byte{s.Request, s.Response} {
			if m := providerPath.FindSubmatch(body); m != nil && k.provider == "" {
				if p, err := url.PathUnescape(string(m[1])); err == nil {
					k.provider = p
				}
			}
		}
	}
	if k.identity.DeviceID == "" {
		k.identity.DeviceID = strings.Repeat("0", 32)
	}
	if len(k.identity.GUID) < 36 {
		k.identity.GUID += "000000000000000000000000000000000000"[len(k.identity.GUID):]
	}
	return k
}

func set(to *string, value string) {
	if value != "" {
		*to = value
	}
}

// version takes a Windows version such as 10.0.19043.2364.
func (k *known) version(v, from string) {
	parts := strings.Split(v, ".")
	if len(parts) < 3 || k.build != 0 {
		return
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil || n < 1000 {
		return
	}
	k.build, k.from = n, fmt.Sprintf("%s of the %s", v, from)
	k.phone = k.phone || parts[0] == "8" && parts[1] == "10"
}

func (k *known) discover(s *Step) {
	r, err := s.envelope.DiscoverRequest()
	if err != nil {
		return
	}
	set(&k.email, r.EmailAddress)
	set(&k.applicationVersion, r.ApplicationVersion)
	set(&k.osEdition, r.OSEdition)
	k.kind(r.DeviceType)
	k.version(r.ApplicationVersion, "Discover's ApplicationVersion")
	k.byCertificate = k.byCertificate || slices.Contains(r.AuthPolicies, "Certificate")
}

func (k *known) kind(deviceType string) {
	set(&k.deviceType, deviceType)
	k.phone = k.phone || strings.Contains(deviceType, "Phone")
}

// token reads the credential of a request, and what an RST says about the device.
func (k *known) token(s *Step) {
	if h := &s.envelope.Header; s.Kind != Renewal {
		switch {
		case h.Signature != nil:
			k.byCertificate = true
		case h.Token != nil:
			k.credential = &enroll.Credential{Token: h.Token, TokenType: h.TokenType}
		case h.HasUsername:
			k.credential = &enroll.Credential{Username: h.Username, Password: h.Password}
			if k.email == "" {
				k.email = h.Username
			}
		}
	}
	req, err := s.envelope.TokenRequest()
	if err != nil {
		return
	}
	id := &k.identity
	id.MACs = nil
	for _, item := range req.Context {
		v := item.Value
		switch item.Name {
		case "MAC":
			id.MACs = append(id.MACs, v)
		case "AIKPub", "AzureAttestationBlob":
			k.attests = true
		case "DeviceType":
			k.kind(v)
		case "OSVersion":
			k.osVersion, k.build = v, 0 // more exact than Discover
			k.version(v, "RST's OSVersion")
		default:
			if to := map[string]*string{"HWDevID": &id.HWDevID, "Locale": &id.Locale, "DeviceName": &id.Name, "Manufacturer": &id.Manufacturer, "DeviceModel": &id.Model,
				"SerialNumber": &id.Serial, "OSEdition": &k.osEdition, "ApplicationVersion": &k.applicationVersion, "EnrollmentType": &k.enrollmentType}[item.Name]; to != nil {
				*to = v
			}
		}
	}
	csr := req.CSR
	if signed, err := pkcs7.Parse(csr); req.Renewal && err == nil {
		csr = signed.Content
	}
	if guid := csrName(csr); guid != "" {
		id.GUID = guid
	}
}

// csrName is the GUID in the common name of a Windows CSR, as much as is there of it;
// empty if the name has another form.
func csrName(der []byte) string {
	var csr struct{ Info, Algorithm, Signature asn1.RawValue }
	if _, err := asn1.Unmarshal(der, &csr); err != nil {
		return ""
	}
	var version int
	rest, err := asn1.Unmarshal(csr.Info.Bytes, &version)
	if err != nil {
		return ""
	}
	var subject asn1.RawValue
	if _, err = asn1.Unmarshal(rest, &subject); err != nil {
		return ""
	}
	name, _, found := strings.Cut(string(subject.Bytes), "!")
	if !found || len(name) < guidChars {
		return ""
	}
	return name[len(name)-guidChars:]
}

// guidChars is how much of a GUID the common name has [seen on 19043].
const guidChars = 30

// session reads a session message.
func (k *known) session(s *Step) {
	m := s.message
	first := k.address == ""
	set(&k.address, m.Hdr.Target.LocURI)
	if first {
		k.extended = m.Extended
	}
	if m.Hdr.Cred != nil {
		if m.Hdr.Cred.Meta != nil {
			set(&k.credType, m.Hdr.Cred.Meta.Type)
		}
		set(&k.credName, m.Hdr.Source.LocName)
	}
	if id := s.Header.Get("client-request-id"); first && id != "0" {
		k.entDMID = id
	}
	m.Walk(func(c *syncml.Command) {
		if c.Verb != syncml.Replace && c.Verb != syncml.Results {
			return
		}
		for _, it := range c.Items {
			k.node(it.Source.LocURI, it.Data)
		}
	})
}

// node takes the value of a node that the device told.
func (k *known) node(uri, value string) {
	if value == "" || strings.Contains(value, hidden) {
		return
	}
	id := &k.identity
	switch strings.ToLower(uri) {
	case "./devinfo/man":
		id.Manufacturer = value
	case "./devinfo/mod":
		id.Model = value
	case "./devinfo/lang":
		id.Locale = value
	case "./devinfo/dmv":
		if strings.HasPrefix(value, "8.10.") { // a phone's DmV is its version
			k.version(value, "DevInfo/DmV")
		}
	case "./devdetail/swv":
		set(&k.osVersion, value)
		k.version(value, "DevDetail/SwV")
	case "./vendor/msft/dmclient/hwdevid":
		id.HWDevID = value
	}
}
