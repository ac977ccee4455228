package mutants

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of a server that works with a directory: its tokens in the enrollment, and
// the terms of use.
var (
	AadOnPremise = &Mutant{"aad-on-premise", "answers Discover with OnPremise although it takes a directory's tokens", func(t *tamper) {
		t.Discover = append(t.Discover, func(c *mdmserver.Config, r *enroll.DiscoverResponse) {
			if c.Entra != nil {
				r.AuthPolicy, r.AuthenticationURL = mdmserver.OnPremise, ""
			}
		})
	}}
	AadTokenRefused = &Mutant{"aad-token-refused", "refuses every token of a directory", func(t *tamper) {
		ofDirectory(t, func(*mdmserver.Enrollment, jwt.MapClaims) string { return enroll.FaultAuthentication })
	}}
	AadJoinRefused = &Mutant{"aad-join-refused", "refuses EnrollmentType Device", func(t *tamper) {
		ofDirectory(t, func(x *mdmserver.Enrollment, _ jwt.MapClaims) string {
			if r, err := x.Envelope.TokenRequest(); err == nil && r.Item("EnrollmentType") == "Device" {
				return enroll.FaultAuthentication
			}
			return ""
		})
	}}
	AadV1Only = &Mutant{"aad-v1-only", "refuses v2.0 tokens", func(t *tamper) {
		ofDirectory(t, func(_ *mdmserver.Enrollment, c jwt.MapClaims) string {
			if c["ver"] != "1.0" {
				return enroll.FaultAuthentication
			}
			return ""
		})
	}}
	AadBlobRefused = &Mutant{"aad-blob-refused", "refuses an RST with EnrollmentData", func(t *tamper) {
		ofDirectory(t, func(x *mdmserver.Enrollment, _ jwt.MapClaims) string {
			if r, err := x.Envelope.TokenRequest(); err == nil && r.Item("EnrollmentData") != "" {
				return "EnrollmentServer"
			}
			return ""
		})
	}}

	AadTermsGone = &Mutant{"aad-terms-gone", "has no terms-of-use page", func(t *tamper) {
		hook.Before(t, mdmserver.TermsPath, func(*hook.Exchange) int { return http.StatusNotFound })
	}}
	AadTermsDevice = &Mutant{"aad-terms-device", "wants a deviceid in the token of its terms-of-use page", func(t *tamper) {
		t.Terms = append(t.Terms, func(x *mdmserver.TermsVisit) {
			if unverified(x.Token)["deviceid"] == nil && x.Error == "" {
				x.Error, x.Description = "unauthorized_client", "unauthorized user or tenant"
			}
		})
	}}
	AadAcceptSilent = &Mutant{"aad-accept-silent", "thanks for accepted terms, and redirects nowhere", func(t *tamper) {
		silent(t, "true")
	}}
	AadNoBlob = &Mutant{"aad-no-blob", "leaves OpaqueBlob out", func(t *tamper) {
		redirects(t, func(_ *url.URL, q url.Values) { q.Del("OpaqueBlob") })
	}}
	AadRedirectFixed = &Mutant{"aad-redirect-fixed", "redirects to the same app whatever redirect_uri says", func(t *tamper) {
		redirects(t, func(u *url.URL, _ url.Values) { u.Host, u.Path = "dmwake", "/ToUResponse" })
	}}
	AadDeclineSilent = &Mutant{"aad-decline-silent", "says goodbye after declined terms, and redirects nowhere", func(t *tamper) {
		silent(t, "false")
	}}
	AadDeclineAccepts = &Mutant{"aad-decline-accepts", "takes declined terms for accepted ones", func(t *tamper) {
		redirects(t, func(_ *url.URL, q url.Values) {
			if q.Has("IsAccepted") {
				q.Set("IsAccepted", "true")
			}
		})
	}}
	AadNoAccept = &Mutant{"aad-no-accept", "shows terms without a button to accept them", func(t *tamper) {
		shows(t, func(x *hook.Exchange) {
			x.Replace(`<button name="answer" value="accept">Accept</button>`, "")
		})
	}}
	AadNoDecline = &Mutant{"aad-no-decline", "shows terms that nobody can decline", func(t *tamper) {
		shows(t, func(x *hook.Exchange) {
			x.Replace(`<button name="answer" value="decline">Decline</button>`, "")
		})
	}}
	AadJoinDeclines = &Mutant{"aad-join-declines", "lets users decline the terms in a join", func(t *tamper) {
		shows(t, func(x *hook.Exchange) {
			if !bytes.Contains(x.Reply, []byte("Decline")) {
				x.Replace("</form>", `<button name="answer" value="decline">Decline</button></form>`)
			}
		})
	}}
	AadNoRequestID = &Mutant{"aad-no-request-id", "forgets client-request-id", func(t *tamper) {
		redirects(t, func(_ *url.URL, q url.Values) { q.Del("client-request-id") })
	}}
	AadPassword = &Mutant{"aad-password", "asks for the password before it takes the answer to its terms", func(t *tamper) {
		shows(t, func(x *hook.Exchange) {
			x.Replace("<button", `<label>Password <input type="password" name="secret"></label><button`)
		})
	}}

	AadTermsKey = &Mutant{"aad-terms-key", "does not check the signature of a token on its terms-of-use page", func(t *tamper) {
		onTerms(t, func(_ *mdmserver.Entra, token string) bool { return unverified(token)["aud"] != nil })
	}}
	AadTermsAud = &Mutant{"aad-terms-aud", "does not check the aud of a token on its terms-of-use page", func(t *tamper) {
		onTerms(t, func(e *mdmserver.Entra, token string) bool { return believes(e, token, "aud") })
	}}
	AadTermsExp = &Mutant{"aad-terms-exp", "accepts tokens that expired on its terms-of-use page", func(t *tamper) {
		onTerms(t, func(e *mdmserver.Entra, token string) bool { return believes(e, token, "exp") })
	}}
	AadTermsAnyone = &Mutant{"aad-terms-anyone", "shows its terms-of-use page to anyone", func(t *tamper) {
		onTerms(t, func(_ *mdmserver.Entra, token string) bool { return token == "" })
	}}
	AadErrorPlain = &Mutant{"aad-error-plain", "reports errors of its terms-of-use page by HTTP status", func(t *tamper) {
		hook.After(t, http.MethodGet, mdmserver.TermsPath, func(x *hook.Exchange) {
			if x.Status == http.StatusFound && strings.Contains(x.ReplyHeader.Get("Location"), "error=") {
				x.Status, x.Reply = http.StatusUnauthorized, nil
				x.ReplyHeader.Del("Location")
			}
		})
	}}
	AadErrorMute = &Mutant{"aad-error-mute", "leaves error_description out", func(t *tamper) {
		redirects(t, func(_ *url.URL, q url.Values) { q.Del("error_description") })
	}}
	AadVersionAny = &Mutant{"aad-version-any", "does not look at api-version", func(t *tamper) {
		t.Terms = append(t.Terms, func(x *mdmserver.TermsVisit) {
			if x.Error == "invalid_request" && believes(x.Config.Entra, x.Token) {
				x.Error, x.User = "", named(x)
			}
		})
	}}
	AadRedirectAny = &Mutant{"aad-redirect-any", "redirects to any redirect_uri", func(t *tamper) {
		t.Terms = append(t.Terms, func(x *mdmserver.TermsVisit) { x.Elsewhere = x.Elsewhere && x.Error != "" })
	}}
	AadRedirectContains = &Mutant{"aad-redirect-contains", "looks for ms-appx-web anywhere in redirect_uri", func(t *tamper) {
		t.Terms = append(t.Terms, func(x *mdmserver.TermsVisit) {
			x.Elsewhere = x.Elsewhere && !strings.Contains(x.Redirect, "ms-appx-web:")
		})
	}}
	AadErrorAny = &Mutant{"aad-error-any", "redirects to any redirect_uri with an error", func(t *tamper) {
		t.Terms = append(t.Terms, func(x *mdmserver.TermsVisit) { x.Elsewhere = x.Elsewhere && x.Error == "" })
	}}
	AadMarkup = &Mutant{"aad-markup", "writes client-request-id into its terms-of-use page as it arrives", func(t *tamper) {
		shows(t, func(x *hook.Exchange) {
			x.Reply = append(x.Reply, "<p>Request "+x.URL.Query().Get("client-request-id")+"</p>"...)
		})
	}}
)

var directories = []*Mutant{
	AadOnPremise, AadTokenRefused, AadJoinRefused, AadV1Only, AadV1Sessions, AadDeviceByToken, AadTermsGone, AadTermsDevice, AadTermsKey, AadTermsAud, AadTermsExp, AadTermsAnyone,
	AadAcceptSilent, AadNoBlob, AadRedirectFixed, AadDeclineSilent, AadDeclineAccepts, AadNoAccept, AadNoDecline, AadJoinDeclines, AadErrorPlain, AadErrorMute,
	AadVersionAny, AadNoRequestID, AadPassword, AadRedirectAny, AadRedirectContains, AadErrorAny, AadMarkup, AadBlobRefused, AadUserAlways, AadWorkAccount, AadSessionAny,
}

// ofDirectory lets f refuse an enrollment with a directory's token; fault is the subcode
// of the fault, empty for none.
func ofDirectory(t *tamper, f func(*mdmserver.Enrollment, jwt.MapClaims) (fault string)) {
	t.Authenticate = append(t.Authenticate, func(x *mdmserver.Enrollment) {
		if x.Fault != nil || x.Renewal || x.Config.Entra == nil {
			return
		}
		if fault := f(x, unverified(string(x.Envelope.Token))); fault != "" {
			x.Fault = &enroll.Fault{Code: "Receiver", Subcode: fault, Reason: "refused on purpose"}
		}
	})
}

// unverified are the claims of a token that nobody verified; none if it is not a JWT.
func unverified(token string) jwt.MapClaims {
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		return jwt.MapClaims{}
	}
	return claims
}

// named is the user of a token, or somebody.
func named(x *mdmserver.TermsVisit) string {
	claims := unverified(x.Token)
	for _, name := range []string{"upn", "preferred_username"} {
		if user, ok := claims[name].(string); ok {
			return user
		}
	}
	return "somebody"
}

// onTerms lets f accept a token that the terms-of-use page refused.
func onTerms(t *tamper, f func(e *mdmserver.Entra, token string) bool) {
	t.Terms = append(t.Terms, func(x *mdmserver.TermsVisit) {
		if x.Error == "unauthorized_client" && f(x.Config.Entra, x.Token) {
			x.Error, x.User = "", named(x)
		}
	})
}

// shows lets f change the terms-of-use page.
func shows(t *tamper, f func(*hook.Exchange)) {
	hook.After(t, http.MethodGet, mdmserver.TermsPath, func(x *hook.Exchange) {
		if x.Status == http.StatusOK {
			f(x)
		}
	})
}

// redirects lets f change where the terms-of-use page redirects to.
func redirects(t *tamper, f func(*url.URL, url.Values)) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		hook.After(t, method, mdmserver.TermsPath, func(x *hook.Exchange) {
			to, err := url.Parse(x.ReplyHeader.Get("Location"))
			if x.Status != http.StatusFound || err != nil {
				return
			}
			q := to.Query()
			f(to, q)
			to.RawQuery = q.Encode()
			x.ReplyHeader.Set("Location", to.String())
		})
	}
}

// silent shows a last page instead of a redirect with that IsAccepted.
func silent(t *tamper, accepted string) {
	says := regexp.MustCompile(`[?&]IsAccepted=` + accepted + `(&|$)`)
	hook.After(t, http.MethodPost, mdmserver.TermsPath, func(x *hook.Exchange) {
		if says.MatchString(x.ReplyHeader.Get("Location")) {
			x.Status, x.Reply = http.StatusOK, []byte("<p>Thank you.</p>")
			x.ReplyHeader.Del("Location")
		}
	})
}
