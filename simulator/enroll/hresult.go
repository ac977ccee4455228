package enroll

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// faultErrors are the HRESULTs Windows shows for a fault's subcode, and for
// the ErrorType of its detail (Learn, "MDM enrollment error constants";
// MS-MDE2 2.2.9.1).
var faultErrors = map[string]string{
	"MessageFormat":         "0x80180001",
	"Authentication":        "0x80180002",
	"Authorization":         "0x80180003",
	"CertificateRequest":    "0x80180004",
	"EnrollmentServer":      "0x80180005",
	"InternalService":       "0x80180006",
	"InternalServiceFault":  "0x80180006",
	"InvalidSecurity":       "0x80180007",
	"DeviceCapReached":      "0x80180013",
	"DeviceNotSupported":    "0x80180014",
	"NotSupported":          "0x80180015",
	"NotEligibleToRenew":    "0x80180016",
	"InMaintenance":         "0x80180017",
	"UserLicense":           "0x80180018",
	"InvalidEnrollmentData": "0x80180019",
	"CustomServerError":     "0x80180032", // named by an erratum of MS-MDE2, its number by MDMRegistration.h
}

// HResult is the code that Windows shows for the fault; empty if unknown.
func (f *Fault) HResult() string {
	if hr := faultErrors[f.ErrorType]; hr != "" {
		return hr
	}
	return faultErrors[f.Subcode]
}

// codeStatusOK is what Windows shows for a fault with HTTP status 200, and for a
// Discover reply that is not SOAP [seen]. It is 0x80190000 + 200.
const codeStatusOK = "0x801900c8"

// codeOfStatus is what Windows shows for discovery, its GET or its POST, that is
// answered with an HTTP error: 0x80190190 for 400 [seen].
func codeOfStatus(status int) string { return fmt.Sprintf("%#08x", 0x80190000+status) }

// hresulter is an error with its own code.
type hresulter interface{ HResult() string }

// HResult is the code that Windows shows for the error, by its fault or its
// kind; empty if unknown.
func (e *Error) HResult() string {
	var (
		own  hresulter
		cert *tls.CertificateVerificationError
		unk  x509.UnknownAuthorityError
		host x509.HostnameError
		date x509.CertificateInvalidError
		op   *net.OpError
		dns  *net.DNSError
		f    *Fault
	)
	switch {
	case errors.As(e.Err, &f) && e.Status == http.StatusOK && e.Step != StepSignIn:
		return codeStatusOK
	case errors.As(e.Err, &own):
		return own.HResult()
	case errors.As(e.Err, &date) && date.Reason == x509.Expired && (e.Step == StepDiscover || e.Step == StepReach):
		return "0x8018000d" // MENROLL_E_DISCOVERY_SEC_CERT_DATE_INVALID
	case errors.As(e.Err, &cert), errors.As(e.Err, &unk), errors.As(e.Err, &host):
		return "0x80180012" // MENROLL_E_INVALIDSSLCERT
	case errors.As(e.Err, &op), errors.As(e.Err, &dns):
		return CodeConnectivity
	case e.Step == StepSignIn:
		return "0x8018000f" // MENROLL_E_WAB_ERROR
	case e.Status == 0, e.Step == StepTerms: // no code is published
		return ""
	case e.Step == StepRenew:
		return "0x80180016" // MENROLL_E_NOTELIGIBLETORENEW
	case e.Step == StepDiscover, e.Step == StepReach:
		return codeOfStatus(e.Status)
	}
	return CodeUnknown
}

// CodedError is a device-side error with Windows' code for it.
type CodedError struct {
	Code string // 0x8018....
	Err  error
}

func (e *CodedError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *CodedError) Unwrap() error { return e.Err }

// HResult is the code.
func (e *CodedError) HResult() string { return e.Code }

// Codes of the device itself, most for a provisioning document that cannot be
// installed (Learn, "MDM Registration Constants").
const (
	CodeUnknown      = "0x80180008" // MENROLL_E_DEVICE_UNKNOWN_ERROR
	CodeInvalidData  = "0x80180019" // MENROLL_E_ENROLLMENTDATAINVALID
	CodeCertStore    = "0x8018001e" // MENROLL_E_PROV_CSP_CERTSTORE
	CodeApplication  = "0x8018001f" // MENROLL_E_PROV_CSP_W7
	CodeDMClient     = "0x80180020" // MENROLL_E_PROV_CSP_DMCLIENT
	CodeAlreadyThere = "0x8018000a" // MENROLL_E_DEVICE_ALREADY_ENROLLED
	CodeAlready81    = "0x8019000a" // the same before Windows 10
	CodeInsecure     = "0x8018001a" // MENROLL_E_INSECUREREDIRECT
	CodeNoCert       = "0x80180028" // MENROLL_E_CERTAUTH_FAILED_TO_FIND_CERT
	CodeConnectivity = "0x80180010" // MENROLL_E_CONNECTIVITY
	CodeEmpty        = "0x80180029" // MENROLL_E_EMPTY_MESSAGE
	CodeInvalidArg   = "0x80070057" // E_INVALIDARG
)
