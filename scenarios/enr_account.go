package scenarios

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// managementAccount are the ENR scenarios about the account that the document sets
// up: w7 APPLICATION and DMClient/Provider.
var managementAccount = []Scenario{
	{
		ID: "ENR-71", Level: report.Must, Title: "names in the w7 APPLICATION are upper case",
		Rule:    "The names of the w7 APPLICATION's parameters and characteristics are upper case, and case-sensitive. (Names that the page does not have are not looked at: samples have SSPHyperlink, ServerList and CRLCheck.)",
		Source:  "Learn, \"w7 APPLICATION CSP\"; MS-MDE2 2.2.9.5",
		Fix:     "Write APPID, ADDR, APPAUTH, AAUTHLEVEL and the others in upper case.",
		Mutants: []*mutants.Mutant{mutants.EnrParmCase},
		Run: func(t *T) {
			var other []string
			app := applicationOf(t.Specimen())
			for _, e := range app.FindElements(".//parm") {
				other = append(other, notUpper(e.SelectAttrValue("name", ""))...)
			}
			for _, e := range append(app.FindElements(".//characteristic"), app) {
				other = append(other, notUpper(e.SelectAttrValue("type", ""))...)
			}
			t.Expect(other, "names that are not upper case").To(BeEmpty())
		},
	},
	{
		ID: "ENR-74", Level: report.Must, Title: "each APPAUTH has a secret and a type that its level allows",
		Rule:    "Every APPAUTH has an AAUTHSECRET. Its AAUTHTYPE, if present, is DIGEST at level CLIENT, and BASIC or DIGEST at level APPSRV.",
		Source:  "Learn, \"w7 APPLICATION CSP\"; MS-MDE2 2.2.9.5",
		Fix:     "Write AAUTHSECRET into both APPAUTHs, AAUTHTYPE DIGEST into CLIENT, and DIGEST or BASIC into APPSRV.",
		Mutants: []*mutants.Mutant{mutants.EnrAuthType, mutants.EnrNoSecret},
		Run: func(t *T) {
			list := documentOf(t.Specimen()).App.Auth
			if len(list) == 0 {
				t.Blocked(suite.By("ENR-15"), "the document has no APPAUTH")
			}
			for _, a := range list {
				t.Try("APPAUTH "+a.Level, func() {
					t.Check(a.Secret != "", "an AAUTHSECRET", "none")
					allowed := map[string][]string{"CLIENT": {"DIGEST"}, "APPSRV": {"DIGEST", "BASIC"}}[strings.ToUpper(a.Level)]
					t.Check(a.Type == "" || allowed == nil || slices.Contains(allowed, strings.ToUpper(a.Type)), "AAUTHTYPE "+strings.Join(allowed, " or "), a.Type)
				})
			}
		},
	},
	{
		ID: "ENR-75", Level: report.Must, Title: "DMClient/Provider is named by PROVIDER-ID",
		Rule:    "Every characteristic under DMClient/Provider has the PROVIDER-ID of the w7 APPLICATION as its type.",
		Source:  "MS-MDE2 2.2.9.1; Learn, \"Federated authentication device enrollment\"",
		Fix:     "Write the same id into PROVIDER-ID and into the type of the characteristic under DMClient/Provider.",
		Mutants: []*mutants.Mutant{mutants.EnrProviderOther, mutants.EnrProviderSecond},
		Run: func(t *T) {
			d := t.Specimen()
			id := documentOf(d).App.ProviderID
			for _, e := range characteristics(rootOf(d), "DMClient", "Provider", "") {
				saw := e.SelectAttrValue("type", "")
				t.Check(saw == id, "DMClient/Provider/"+id+", named by PROVIDER-ID", "DMClient/Provider/"+saw)
			}
		},
	},
	{
		ID: "ENR-76", Level: report.Should, Title: "parameters of the w7 APPLICATION have values that Windows knows",
		Rule:    "NAME is present. DEFAULTENCODING, if present, is one of the two types of SyncML DM; ROLE is 32 (or 4294967295, as in samples), PROTOVER 1.1 or 1.2; retries and back-off times are numbers. INIT is absent: it makes an enrollment fail.",
		Source:  "Learn, \"w7 APPLICATION CSP\"; MS-MDE2 2.2.9.5",
		Fix:     "Correct the parameter, or leave it out. Leave INIT out.",
		Mutants: []*mutants.Mutant{mutants.EnrNoName, mutants.EnrRole, mutants.EnrInit, mutants.EnrRetryText},
		Run:     valuesOfApplication,
	},
	{
		ID: "ENR-86", Level: report.Should, Title: "addresses and version of the DMClient account are well-formed",
		Rule:    "ManagementServerAddressList is a list of https URLs in angle brackets; a single one may go without. Where it is set, ManagementServiceAddress is not. SyncApplicationVersion is a digit, or two with a point between them; it is not above what the device supports, and is never lowered.",
		Source:  "Learn, \"DMClient CSP\"; MS-MDE2 2.2.9.3",
		Fix:     "Write <https://one><https://two>, and a version such as 4.0 that MaxSyncApplicationVersion allows.",
		Mutants: []*mutants.Mutant{mutants.EnrAddressBoth, mutants.EnrAddressSession, mutants.EnrSyncVersion},
		Run:     valuesOfAccount,
	},
}

// w7Names are the parameters and characteristics of the w7 APPLICATION.
var w7Names = strings.Fields("APPLICATION APPADDR ADDR ADDRTYPE PORT PORTNBR APPAUTH AAUTHDATA AAUTHLEVEL AAUTHNAME AAUTHSECRET AAUTHTYPE APPID " +
	"BACKCOMPATRETRYDISABLED CONNRETRYFREQ DEFAULTENCODING INIT INITIALBACKOFFTIME MAXBACKOFFTIME NAME PROTOVER PROVIDER-ID ROLE TO-NAPID USEHWDEVID " +
	"SSLCLIENTCERTSEARCHCRITERIA")

// notUpper returns a name of the w7 APPLICATION that is not written in upper case.
func notUpper(name string) []string {
	if slices.ContainsFunc(w7Names, func(w string) bool { return w != name && strings.EqualFold(w, name) }) {
		return []string{name}
	}
	return nil
}

// applicationOf returns the w7 APPLICATION as the server wrote it.
func applicationOf(d *Device) *etree.Element {
	for _, e := range characteristics(rootOf(d), "APPLICATION") {
		for _, p := range e.SelectElements("parm") {
			if strings.EqualFold(p.SelectAttrValue("name", ""), "APPID") && strings.EqualFold(p.SelectAttrValue("value", ""), "w7") {
				return e
			}
		}
	}
	d.T.Blocked(suite.By("ENR-14"), "the document has no APPLICATION with APPID w7")
	return nil
}

func valuesOfApplication(t *T) {
	app := documentOf(t.Specimen()).App
	if app.AppID == "" {
		t.Blocked(suite.By("ENR-14"), "the document has no APPLICATION with an APPID")
	}
	t.Try("NAME", func() { t.Expect(app.Name, "NAME").To(Not(BeEmpty())) })
	for _, allowed := range [][]string{
		{"DEFAULTENCODING", syncml.MediaType, syncml.MediaTypeWBXML}, {"PROTOVER", "1.1", "1.2"}, {"ROLE", "32", "4294967295"},
	} {
		name, allowed := allowed[0], allowed[1:]
		t.Try(name, func() {
			v, sent := app.Parms[name]
			t.Check(!sent || slices.Contains(allowed, strings.ToLower(v)), name+" "+strings.Join(allowed, " or "), suite.Show(v))
		})
	}
	for _, name := range []string{"CONNRETRYFREQ", "INITIALBACKOFFTIME", "MAXBACKOFFTIME"} {
		t.Try(name, func() {
			v, sent := app.Parms[name]
			_, err := strconv.ParseUint(v, 10, 32)
			t.Check(!sent || err == nil, name+": a number", suite.Show(v))
		})
	}
	t.Try("INIT", func() {
		_, sent := app.Parms["INIT"]
		t.Check(!sent, "no INIT", "INIT")
	})
}

// versionForm is a SyncApplicationVersion.
var versionForm = regexp.MustCompile(`^\d(\.\d)?$`)

func valuesOfAccount(t *T) {
	d := t.Specimen()
	provider := documentOf(d).Provider
	list, one := provider.Node("ManagementServerAddressList"), provider.Node("ManagementServiceAddress")
	t.Try("ManagementServerAddressList", func() {
		if list == "" {
			return
		}
		t.Check(addressList(list), "https URLs in angle brackets", list)
		t.Check(one == "", "no ManagementServiceAddress beside the list", one)
	})
	first := provider.Node("SyncApplicationVersion")
	t.Try("SyncApplicationVersion in the document", func() {
		t.Check(first == "" || versionForm.MatchString(first), "a digit, or two with a point between them", first)
	})
	t.Try("values that a session sets", func() {
		if !t.Lab.Config.Target.Shared() {
			d = t.Enrolled()
		}
		for _, s := range d.Sessions() {
			for _, c := range slices.Concat(s.Find("", "/SyncApplicationVersion"), s.Find("", "/ManagementServerAddressList")) {
				switch {
				case c.Verb != syncml.Replace && c.Verb != syncml.Add:
				case strings.HasSuffix(c.LocURI, "List"):
					t.Check(addressList(c.Data), "https URLs in angle brackets", c.Data)
				default:
					newVersion(t, first, c.Data)
					first = c.Data
				}
			}
		}
	})
}

// newVersion fails unless a SyncApplicationVersion is well-formed, supported by the
// device, and not below the one before.
func newVersion(t *T, before, v string) {
	t.Check(versionForm.MatchString(v), "a digit, or two with a point between them", v)
	number := func(v string) float64 {
		n, _ := strconv.ParseFloat(v, 64) // 0 if it is not set
		return n
	}
	highest := t.Profile().MaxSyncVersion
	t.Check(number(v) <= number(highest), "at most "+highest+", the MaxSyncApplicationVersion of the device", v)
	t.Check(number(v) >= number(before), "at least "+before+", as before", v)
}

// addressList reports whether a value is a ManagementServerAddressList.
func addressList(v string) bool {
	if !strings.HasPrefix(v, "<") {
		return absolute(v)
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(v, "<"), ">"), "><") {
		if u, err := url.Parse(part); err != nil || u.Scheme != "https" || u.Host == "" {
			return false
		}
	}
	return strings.HasSuffix(v, ">")
}
