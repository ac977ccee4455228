package dmclient

import (
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// FindCertificate looks for the client certificate as SSLCLIENTCERTSEARCHCRITERIA
// says (Learn, "w7 APPLICATION CSP"). The error says why it would not be found;
// it is nil if there are no criteria.
//
// By the documents the device finds its certificate in no other way. But servers
// whose criteria are a placeholder manage real devices [seen], so the device uses
// the certificate of its enrollment all the same, unless the quirk
// strict-criteria is on. A wrong thumbprint in the provisioning document does not
// matter either: no document says what would happen [model].
func (d *Device) FindCertificate() error {
	d.mu.Lock()
	der, doc := d.cert, d.doc
	d.mu.Unlock()
	raw := d.dmAcc("Ext/Microsoft/SSLCLIENTCERTSEARCHCRITERIA")
	if raw == "" || der == nil {
		return nil
	}
	c, err := enroll.ReadCriteria(raw)
	if err != nil {
		return err
	}
	cert, err := enroll.ReadCert(der)
	switch {
	case err != nil:
		return err
	case len(c.Subjects) == 0:
		return errors.New("SSLCLIENTCERTSEARCHCRITERIA names no Subject")
	case doc != nil && !c.In(`My\`+doc.Store):
		return fmt.Errorf(`SSLCLIENTCERTSEARCHCRITERIA does not search My\%s, where the certificate is`, doc.Store)
	case !c.Match(cert):
		return fmt.Errorf("SSLCLIENTCERTSEARCHCRITERIA names the subject %q, and the certificate has %q", c.Subjects, cert.Subject())
	}
	return nil
}

// presented is the client certificate of sessions.
func (d *Device) presented() *tls.Certificate {
	if d.cfg.Profile.Quirks.StrictCriteria && d.FindCertificate() != nil {
		return nil
	}
	return d.Certificate()
}
