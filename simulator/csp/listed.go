package csp

import "strings"

// listed is where CSPVersions lists a CSP of the Base, and with which version: on a
// Windows 10 1909 (build 18363, AADInternals) and on a 25H2 (build 26200.9278,
// deploymenttheory/go-microsoft-dm) [seen]. The DDF has other versions for some
// (AssignedAccess 2.0, Firewall 1.1, Office 1.5); the devices decide. A version is that
// of its build and of later ones up to the next; before 18363 it is the DDF's [model].
type listed struct {
	places       []string
	v1909, v25H2 string // empty: not there
}

var (
	inRoot     = []string{"./"}
	userOnly   = []string{"./User/"}
	userRoot   = []string{"./User/", "./"}
	deviceRoot = []string{"./Device/", "./"}
)

var listedOfBase = map[string]listed{
	"ActiveSync":                      {userRoot, "1.0", "1.0"},
	"AppLocker":                       {inRoot, "1.0", "1.0"},
	"AssignedAccess":                  {deviceOnly, "4.0", "4.0"},
	"BitLocker":                       {deviceOnly, "5.0", "5.0"},
	"CloudDesktop":                    {bothScopes, "", "2.0"},
	"Defender":                        {inRoot, "1.3", "1.3"},
	"DevicePreparation":               {deviceOnly, "", "1.0"},
	"DiagnosticLog":                   {inRoot, "1.4", "1.4"},
	"EMAIL2":                          {userRoot, "1.0", "1.0"},
	"Firewall":                        {inRoot, "1.0", "1.0"},
	"HealthAttestation":               {inRoot, "1.3", "1.3"},
	"LAPS":                            {deviceOnly, "", "1.1"},
	"LanguagePackManagement":          {inRoot, "", "1.0"},
	"NetworkProxy":                    {inRoot, "1.0", "1.0"},
	"NetworkQoSPolicy":                {deviceOnly, "", "1.0"},
	"NodeCache":                       {userRoot, "1.2", "1.2"},
	"Office":                          {inRoot, "1.5", "1.6"},
	"PDE":                             {userOnly, "", "5.0"},
	"PassportForWork":                 {everyScope, "1.4", "1.6"},
	"PrinterProvisioning":             {userOnly, "", "1.0"},
	"SUPL":                            {inRoot, "1.1", "1.2"},
	"SecureAssessment":                {inRoot, "1.1", "1.1"},
	"SharedPC":                        {inRoot, "1.2", "1.2"},
	"WindowsDefenderApplicationGuard": {deviceOnly, "1.3", "1.4"},
	"WindowsLicensing":                {deviceRoot, "1.3", "1.4"},
	"eUICCs":                          {inRoot, "1.2", "1.2"},
}

// unlisted are CSPs of the DDF that neither device lists, though their builds have them
// by the DDF. They answer all the same: a device answers for more than it lists, as 25H2
// does for ./Vendor/MSFT/Policy.
var unlisted = map[string]bool{"AccountManagement": true, "ApplicationControl": true, "DnsClient": true, "WiredNetwork": true}

// baseVersions are the entries of CSPVersions for the CSPs that only the Base has.
func (s *Schema) baseVersions() (out []string) {
	if s.opts.Base == nil {
		return nil
	}
	build := s.opts.Build
	own := map[string]bool{}
	for i := range s.csps {
		own[s.fold(s.csps[i].root)] = true
	}
	for i, a := range s.opts.Base.Areas() {
		name := a.Path[strings.LastIndexByte(a.Path, '/')+1:]
		if own[s.fold(a.Path)] || strings.HasPrefix(a.Path, policyConfig) || unlisted[name] {
			continue
		}
		version := s.opts.Base.Version(i, s.opts.Platform)
		if version == "" {
			continue
		}
		l, seen := listedOfBase[name]
		switch {
		case !seen: // of a newer or own set
			l.places = deviceOnly
		case build >= 26200:
			version = l.v25H2
		case build >= 18363 && l.v1909 != "":
			version = l.v1909
		}
		for _, place := range l.places {
			out = append(out, entryOf(place+a.Path, version))
		}
	}
	return out
}

func entryOf(node, version string) string {
	return `<CSP Node="` + node + `" Version="` + version + `"></CSP>`
}
