package hook

import (
	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// Document lets f change every provisioning document.
func Document(t *mdmserver.Tamper, f func(*mdmserver.Provisioning)) {
	t.Document = append(t.Document, f)
}

// Find goes down the characteristics of these types; nil if one is missing.
func Find(e *etree.Element, types ...string) *etree.Element {
	for _, t := range types {
		if e == nil {
			return nil
		}
		e = e.FindElement("characteristic[@type='" + t + "']")
	}
	return e
}

// MyStore is where the document puts the client certificate: User, or System for a
// device's own enrollment.
func MyStore(doc *etree.Document) *etree.Element {
	my := Find(doc.Root(), "CertificateStore", "My")
	for _, name := range []string{"User", "System"} {
		if store := Find(my, name); store != nil {
			return store
		}
	}
	return nil
}

// Provider is DMClient/Provider/<ProviderID>.
func Provider(doc *etree.Document) *etree.Element {
	return Find(doc.Root(), "DMClient", "Provider").FindElement("characteristic")
}

// Parm is the parm of a characteristic with that name.
func Parm(e *etree.Element, name string) *etree.Element {
	return e.FindElement("parm[@name='" + name + "']")
}

// SetParm changes the value of a parm.
func SetParm(e *etree.Element, name, value string) { Parm(e, name).CreateAttr("value", value) }

// Remove takes an element out of its document.
func Remove(e *etree.Element) { e.Parent().RemoveChild(e) }

// W7 is the APPLICATION of management.
func W7(doc *etree.Document) *etree.Element {
	return doc.Root().FindElement("characteristic[@type='APPLICATION']/parm[@name='APPID'][@value='w7']").Parent()
}

// AppSrv is the APPAUTH of the device's credential.
func AppSrv(doc *etree.Document) *etree.Element {
	return W7(doc).FindElement("characteristic/parm[@value='APPSRV']").Parent()
}

// AddCharacteristic nests characteristics of these types below e and gives the
// last one.
func AddCharacteristic(e *etree.Element, types ...string) *etree.Element {
	for _, t := range types {
		e = e.CreateElement("characteristic")
		e.CreateAttr("type", t)
	}
	return e
}

// AddParm adds a parameter; an empty datatype is left out.
func AddParm(e *etree.Element, name, value, datatype string) {
	p := e.CreateElement("parm")
	p.CreateAttr("name", name)
	p.CreateAttr("value", value)
	if datatype != "" {
		p.CreateAttr("datatype", datatype)
	}
}
