package csp

import (
	"cmp"
	"errors"
	"strconv"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// Values of PFXCertInstall's Status: 0, or the Windows error of the import.
const (
	pfxDone        = 0
	pfxInvalid     = 0x0d // ERROR_INVALID_DATA
	pfxPassword    = 0x56 // ERROR_INVALID_PASSWORD
	pfxCannotOpen  = 0x8009000d
	exportableOnly = 3 // the only KeyLocation that allows PFXKeyExportable
)

func clientCertificateInstall() CSP {
	return CSP{Name: "ClientCertificateInstall", Version: "1.1", lists: bothScopes, tree: "clientcertificateinstall.tree", on: map[string]Handler{
		"PFXCertInstall/{UniqueID}/PFXCertBlob":     {Write: installPFX},
		"SCEP/{UniqueID}/Install/Enroll":            {Run: scepEnroll("ClientCertificateInstall", "HashAlgorithm")},
		"PFXCertInstall/{UniqueID}/PFXCertPassword": {Read: func(*Call) string { return "" }},
	}, finish: scepDone("CertThumbprint")}
}

// installPFX imports a PFX when its blob arrives, which is the last of its nodes
// (Learn, "ClientCertificateInstall CSP"). If the import fails, so does the command,
// and Status says why.
func installPFX(c *Call, blob string) int {
	location, err := strconv.Atoi(c.Value("KeyLocation"))
	if err != nil || strings.EqualFold(c.Value("PFXKeyExportable"), "true") && location != exportableOnly && c.tree.exists(c.at("PFXKeyExportable")) {
		return 500 // KeyLocation is required, and an exportable key is a software key
	}
	thumb, status := openPFX(c, blob)
	c.Put("Status", strconv.Itoa(status))
	if status != pfxDone {
		return 500
	}
	c.Put("Thumbprint", thumb)
	c.Host.Effect(Effect{Kind: EffectInstall, Detail: "certificate " + thumb, At: c.Host.Now()})
	return 200
}

func openPFX(c *Call, blob string) (thumb string, status int) {
	raw, err := decode64(blob)
	if err != nil {
		return "", pfxInvalid
	}
	password := c.stored("PFXCertPassword")
	if kind := c.Value("PFXCertPasswordEncryptionType"); kind != "" && kind != "0" {
		cms, err := decode64(password)
		if err != nil || kind != "1" {
			return "", pfxCannotOpen
		}
		plain, err := c.Host.Decrypt(cms)
		if err != nil {
			return "", pfxCannotOpen
		}
		password = string(plain)
	}
	_, cert, _, err := pkcs12.DecodeChain(raw, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return "", pfxPassword
	case err != nil:
		return "", pfxInvalid
	}
	return thumbprint(cert.Raw), pfxDone
}

// stored returns the stored value of a node, whatever Get answers.
func (c *Call) stored(rel string) string {
	return c.tree.stored[c.tree.schema.key(c.scope, c.relative(rel))].value
}

// SCEP Status (Learn, "ClientCertificateInstall CSP").
const (
	scepFinished = "1"
	scepPending  = "2"
	scepFailed   = "16"
	scepUnknown  = "32"
)

// scepEnroll starts a certificate enrollment: all required nodes must exist, Status
// becomes pending and the challenge is deleted. Exec is answered with 200 at once, and
// no alert follows: "The device will not notify MDM server after cert enrollment is
// done" (DDF, Enroll; the DDF's text of the SCEP node speaks of an alert), as seen on
// real devices (fleet issue 45550). The enrollment itself is a model: no SCEP server is
// contacted.
func scepEnroll(csp, hashNode string) func(*Call, string) int {
	return func(c *Call, _ string) int {
		ca := "CAThumbprint"
		if csp == "CertificateStore" {
			ca = "CAThumbPrint"
		}
		for _, need := range []string{"ServerURL", "Challenge", "EKUMapping", "KeyUsage", "KeyLength", "SubjectName", hashNode, ca} {
			if c.stored(need) == "" {
				c.Put("../Status", scepFailed)
				c.Put("../ErrorCode", invalidArg)
				return 500
			}
		}
		c.Put("../Status", scepPending)
		c.Drop("Challenge")
		c.Host.Begin(Job{CSP: csp, LocURI: c.LocURI, Data: c.Value("SubjectName"), Due: c.Host.Now()})
		return 200
	}
}

// certificateError is CERTSRV_E_ADMIN_DENIED_REQUEST, 0x80094014, as an ErrorCode.
const certificateError = "-2146877420"

func scepDone(thumbNode string) func(*Call, Job) Done {
	return func(c *Call, j Job) Done {
		hr, status := c.Host.Fact("InstallError"), c.Host.Fact("CertificateStatus")
		switch {
		case hr != "":
			status = scepFailed
		case status == scepFailed:
			hr = certificateError
		}
		if status != "" {
			c.Put("../Status", status)
			c.Put("../ErrorCode", cmp.Or(hr, "0"))
			return Done{}
		}
		thumb := thumbprint([]byte(j.LocURI + "\x00" + j.Data))
		c.Put("../Status", scepFinished)
		c.Put("../ErrorCode", "0")
		c.Put("../"+thumbNode, thumb)
		if thumbNode == "CertThumbprint" {
			c.Put("../RespondentServerUrl", strings.Split(c.Value("ServerURL"), ";")[0])
		}
		c.Host.Effect(Effect{Kind: EffectInstall, Detail: "certificate " + thumb, At: c.Host.Now()})
		return Done{}
	}
}
