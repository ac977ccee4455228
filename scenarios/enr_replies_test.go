package scenarios

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// repliesWith rewrites the replies to GetPolicies: each pattern by the text after it.
func repliesWith(pairs ...string) func(http.Handler) http.HandlerFunc {
	return func(h http.Handler) http.HandlerFunc { return repliesOf(h, "<GetPoliciesResponse ", pairs...) }
}

// repliesOf rewrites the replies that contain a text.
func repliesOf(h http.Handler, contain string, pairs ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.String()
		if strings.Contains(body, contain) {
			for i := 0; i < len(pairs); i += 2 {
				body = regexp.MustCompile(pairs[i]).ReplaceAllString(body, pairs[i+1])
			}
		}
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(rec.Code)
		w.Write([]byte(body))
	}
}

// TestPolicyReplies: what real servers and Microsoft's examples leave out is no
// failure; what is empty, dangling or absurd fails the scenario of its rule alone.
func TestPolicyReplies(t *testing.T) {
	const validity, permission, revision = `<certificateValidity>.*</certificateValidity>`, `<permission>.*</permission>`, `<revision>.*</revision>`
	for name, c := range map[string]struct {
		pairs []string
		want  string // the ids that fail or warn
	}{
		"as Learn's older example":   {[]string{`<policyID>[^<]*</policyID>`, "", `<commonName>[^<]*</commonName>`, "", validity, "", permission, "", revision, ""}, ""},
		"nil without a prefix":       {[]string{`xsi:nil=`, "nil="}, ""},
		"empty instead of nil":       {[]string{`<(\w+Flags|rARequirements|extensions|nextUpdateHours) xsi:nil="true"/>`, "<$1/>"}, ""},
		"elements of a maker's own":  {[]string{`</(attributes|policy|response)>`, `<x:note xmlns:x="urn:example">1</x:note></$1>`}, ""},
		"oidReference":               {[]string{`(</?)policyOIDReference>`, "${1}oidReference>"}, "ENR-28 ENR-52"},
		"cA in a policy":             {[]string{`(</policyOIDReference>)<cAs xsi:nil="true"/>`, "$1<cAs><cA>0</cA></cAs>"}, "ENR-52"},
		"policy cAs empty":           {[]string{`(</policyOIDReference>)<cAs xsi:nil="true"/>`, "$1<cAs/>"}, "ENR-52"},
		"others at the end":          {[]string{`</(attributes|policy|response)>`, "<note><value>1</value></note></$1>"}, ""},
		"an own one in a text":       {[]string{`<permissions [^>]*>`, `<permissions><x:note xmlns:x="urn:example">1</x:note></permissions>`}, ""},
		"no OIDs":                    {[]string{`<oIDs>.*</oIDs>`, `<oIDs xsi:nil="true"/>`}, "ENR-28"},
		"an empty policy":            {[]string{`<policies>.*</policies>`, "<policies><policy/></policies>"}, "ENR-28 ENR-33 ENR-51"},
		"an OID without anything":    {[]string{`</oIDs>`, "<oID/></oIDs>"}, "ENR-50"},
		"a key length that is words": {[]string{`<minimalKeyLength>[^<]*`, "<minimalKeyLength>strong"}, "ENR-33 ENR-51"},
		"periods under zero":         {[]string{`(Seconds>)\d+`, "${1}-5"}, "ENR-51"},
		"azureAttestation in 4.0":    {[]string{`</attributes>`, "<azureAttestation><nonce>n</nonce></azureAttestation></attributes>"}, "ENR-52"},
		"a reference to itself":      {[]string{`<algorithmOIDReference xsi:nil="true"/>`, "<algorithmOIDReference>2.5.29.15</algorithmOIDReference>"}, "ENR-28"},
		"an issuer twice": {[]string{`(</policyOIDReference>)<cAs xsi:nil="true"/>`, "$1<cAs><cAReference>1</cAReference><cAReference>1</cAReference></cAs>",
			`<cAs xsi:nil="true"/>(<oIDs>)`, "<cAs><cA><uris/><certificate>MIIB</certificate><enrollPermission>true</enrollPermission><cAReferenceID>1</cAReferenceID></cA></cAs>$1"}, "ENR-28"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := against(t, "", repliesWith(c.pairs...))
			list := only(t, "ENR-08", "ENR-28", "ENR-33", "ENR-40", "ENR-42", "ENR-49", "ENR-50", "ENR-51", "ENR-52")
			want := strings.Fields(c.want)
			for _, r := range suite.Collect(t.Context(), l, list, suite.Options{Parallel: 4, Catalogue: All()}).Results {
				if r.Broken() != slices.Contains(want, r.ID) || r.Outcome == report.Errored {
					t.Errorf("%s: %s %s; expected %s, saw %s", r.ID, r.Outcome, r.Reason, r.Expected, r.Saw)
				}
			}
		})
	}
}

// TestOffers: a server may support several policies, or decline with HTTP 4xx; one
// that does not look at what is offered warns.
func TestOffers(t *testing.T) {
	const onPremise, federated = "<AuthPolicy>OnPremise</AuthPolicy>", "<AuthPolicy>Federated</AuthPolicy>"
	for name, c := range map[string]struct {
		alone http.HandlerFunc // answers an offer without OnPremise
		want  report.Outcome
	}{
		"declines with 400": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no", http.StatusBadRequest)
		}, report.Passed},
		"fails": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no", http.StatusInternalServerError)
		}, report.Warned},
		"answers with a page": {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html/>")) }, report.Warned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := against(t, "", func(h http.Handler) http.HandlerFunc {
				return onPost("Discovery.svc", func(w http.ResponseWriter, r *http.Request) {
					if x := hook.Read(r); !strings.Contains(string(x.In), onPremise) {
						c.alone(w, r)
						return
					}
					h.ServeHTTP(w, r)
				})(h)
			})
			if r, _ := suite.Run(t.Context(), l, &only(t, "ENR-39")[0]); r.Outcome != c.want {
				t.Errorf("%s %s; expected %s, saw %s", r.Outcome, r.Reason, r.Expected, r.Saw)
			}
		})
	}
	t.Run("chooses", func(t *testing.T) {
		t.Parallel()
		l := against(t, "", func(h http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				x := hook.Read(r)
				if !strings.HasSuffix(r.URL.Path, "Discovery.svc") || strings.Contains(string(x.In), onPremise) || !strings.Contains(string(x.In), federated) {
					h.ServeHTTP(w, r)
					return
				}
				r.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(string(x.In), federated, onPremise)))
				repliesOf(h, "<DiscoverResponse ", onPremise, federated)(w, r)
			}
		})
		if r, _ := suite.Run(t.Context(), l, &only(t, "ENR-39")[0]); r.Outcome != report.Passed {
			t.Errorf("%s %s; expected %s, saw %s", r.Outcome, r.Reason, r.Expected, r.Saw)
		}
	})
}
