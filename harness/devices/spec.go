package devices

import (
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Spec describes a device to create. Everything has a default: from the lab's
// configuration, or drawn.
type Spec struct {
	// Namespace separates tests that run at the same time; default DefaultNamespace.
	Namespace string            `json:"namespace,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	// Profile is a Windows version, such as win11.
	Profile string `json:"profile,omitempty"`
	IDs     IDs    `json:"ids,omitzero"`
	Server  Server `json:"server,omitzero"`
	Enroll  Enroll `json:"enroll,omitzero"`
	// Key is the kind of key: rsa (default), as Windows makes, or ec, which is fast.
	Key    string   `json:"key,omitempty"`
	Quirks []string `json:"quirks,omitempty"` // "pfn-errors" on, "-pfn-errors" off
	Faults []string `json:"faults,omitempty"` // "answer=Get:/DevInfo/Mod:404"
	Power  string   `json:"power,omitempty"`  // normal, saver, limited or off
	Login  string   `json:"login,omitempty"`  // user, others or none
	// Clock is how far the device's clock is ahead of the machine's: "24h", "-10m".
	Clock string `json:"clock,omitempty"`
}

// IDs identify a device; what is empty is drawn.
type IDs struct {
	DeviceID     string   `json:"deviceID,omitempty"` // servers also call it UDID
	GUID         string   `json:"guid,omitempty"`     // the start of the certificate's name
	HWDevID      string   `json:"hwDevID,omitempty"`  // 64 hexadecimal digits
	Name         string   `json:"name,omitempty"`
	Serial       string   `json:"serial,omitempty"`
	Manufacturer string   `json:"manufacturer,omitempty"`
	Model        string   `json:"model,omitempty"`
	Locale       string   `json:"locale,omitempty"`
	MACs         []string `json:"macs,omitempty"` // 00-15-5D-01-02-03
}

// Server is where the MDM server is. A device with its own Discovery gets none of the
// credentials of the lab's configuration.
type Server struct {
	Discovery string `json:"discovery,omitempty"` // URL of the discovery service; default: the lab's, or from the user's domain
	Connect   string `json:"connect,omitempty"`   // host:port to connect to, whatever the URLs name
	CA        string `json:"ca,omitempty"`        // PEM of the CA of the server's certificate
	AllowHTTP bool   `json:"allowHTTP,omitempty"` // send credentials over plain http, which Windows refuses
}

// Enroll is how a device enrolls. The server's AuthPolicy decides which of the
// credentials it uses.
type Enroll struct {
	Username    string `json:"username,omitempty"`
	Password    string `json:"password,omitempty"`
	Certificate string `json:"certificate,omitempty"` // PEM, for AuthPolicy Certificate
	Key         string `json:"key,omitempty"`         // PEM of its key
	// Token is a kind of token of the lab's directory: good, or broken, such as expired.
	Token       string `json:"token,omitempty"`
	Terms       string `json:"terms,omitempty"` // URL of the terms of use
	RefuseTerms bool   `json:"refuseTerms,omitempty"`
	Type        string `json:"type,omitempty"` // Full (default) or Device
	Attestation string `json:"attestation,omitempty"`
	PlainCSR    bool   `json:"plainCSR,omitempty"` // a CSR that every parser accepts
}

// DefaultNamespace is the namespace of devices that name none.
const DefaultNamespace = "default"

// identity fills the gaps of the ids with those of a drawn identity.
func (i *IDs) identity(id dmclient.Identity) dmclient.Identity {
	drawn := id.DeviceID
	for _, v := range []struct {
		said string
		to   *string
	}{{i.GUID, &id.GUID}, {i.HWDevID, &id.HWDevID}, {i.Name, &id.Name}, {i.Serial, &id.Serial},
		{i.Manufacturer, &id.Manufacturer}, {i.Model, &id.Model}, {i.Locale, &id.Locale}} {
		if v.said != "" {
			*v.to = v.said
		}
	}
	if i.DeviceID != "" {
		id.DeviceID = i.DeviceID
	}
	if i.HWDevID == "" && id.DeviceID != drawn {
		id.HWDevID = dmclient.HardwareID(id.DeviceID)
	}
	if i.MACs != nil {
		id.MACs = i.MACs
	}
	return id
}

// powers are the states of power by their names.
var powers = map[string]dmclient.Power{"normal": dmclient.PowerNormal, "saver": dmclient.PowerSaver, "limited": dmclient.PowerLimited, "off": dmclient.PowerOff}

func power(name string) (dmclient.Power, error) {
	p, ok := powers[name]
	if !ok {
		return 0, fail(Invalid, "power %q is not normal, saver, limited or off", name)
	}
	return p, nil
}

func login(name string) (dmclient.Login, error) {
	switch l := dmclient.Login(name); l {
	case dmclient.LoginUser, dmclient.LoginOthers, dmclient.LoginNone:
		return l, nil
	}
	return "", fail(Invalid, "login %q is not user, others or none", name)
}
