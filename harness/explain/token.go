package explain

import (
	"net/http"
	"regexp"
	"strings"
)

// aadstsCode is one code of Entra. Codes are compared whole, since one can be the
// beginning of another.
var aadstsCode = regexp.MustCompile(`(?i)\bAADSTS\d+\b`)

// Token explains the answer to a token request: its status code, and the error
// and error_description of its body.
func Token(status int, code, description string) Answer {
	if status == http.StatusOK {
		return Answer{Means: "A token; use it for every notification until it expires or WNS answers 401."}
	}
	for _, name := range aadstsCode.FindAllString(description, -1) {
		if a, ok := aadsts[strings.ToUpper(name)]; ok {
			return a
		}
	}
	if code == "invalid_request" && strings.Contains(description, "login.microsoftonline.com") {
		return Answer{Means: "login.live.com does not serve this app: that flow is being retired, and new identities are refused.",
			Do: []string{"Register the app in Entra and fetch tokens at login.microsoftonline.com, scope https://wns.windows.com/.default."}, Source: "seen on the real service, 2026", Strength: Seen}
	}
	if a, ok := oauth[code]; ok {
		return a
	}
	return Answer{Means: "The token endpoint failed, or something in between answered instead.", Do: []string{"Try again with growing pauses."}}
}

const overview = `Learn, "Windows Push Notification Services (WNS) overview", https://learn.microsoft.com/en-us/windows/apps/develop/notifications/push-notifications/wns-overview`

// oauth are the errors of a token endpoint (RFC 6749).
var oauth = map[string]Answer{
	"invalid_client": {Means: "The app identity is not accepted.",
		Causes: []string{"client_id is a bare SID: it begins with ms-app://.", "The secret is wrong, was renewed, or lost its + or / because the form was not percent-encoded."},
		Do:     []string{"Take Package SID and secret from the same app, and percent-encode both."}, Scenarios: []string{"TOK-02", "TOK-03", "TOK-07"}, Source: overview},
	"invalid_request":        {Means: "The request is not a valid form.", Do: []string{"POST, Content-Type application/x-www-form-urlencoded."}, Scenarios: []string{"TOK-01"}, Source: overview},
	"unsupported_grant_type": {Means: "grant_type is not client_credentials.", Scenarios: []string{"TOK-02"}, Source: overview},
	"invalid_scope":          {Means: "scope is not notify.windows.com (Entra: https://wns.windows.com/.default).", Scenarios: []string{"TOK-02"}, Source: overview},
	"unauthorized_client":    {Means: "The app may not use this grant.", Do: []string{"Register the app for client credentials, in the tenant whose endpoint is asked."}, Source: oauth2},
	"invalid_grant":          {Means: "The grant is invalid or expired.", Do: []string{"WNS needs client_credentials, which has no grant to expire: look at grant_type."}, Scenarios: []string{"TOK-02"}, Source: oauth2},
}

// aadsts are the errors of Entra's token endpoint.
var aadsts = map[string]Answer{
	"AADSTS7000215": {Means: "The secret is wrong.", Causes: []string{"The secret's id was used instead of its value.", "It expired."}, Do: []string{"Create a new client secret and use its value."}},
	"AADSTS7000222": {Name: "InvalidClientSecretExpiredKeysProvided", Means: "The client secret has expired.", Do: []string{"Create a new client secret and use its value."}},
	"AADSTS7000216": {Means: "The request has neither client_secret nor client_assertion.", Do: []string{"Send client_secret in the form."}, Scenarios: []string{"TOK-02"}},
	"AADSTS700016":  {Name: "UnauthorizedClient_DoesNotMatchRequest", Means: "The directory does not know this application.", Causes: []string{"client_id belongs to another tenant."}, Do: []string{"Use the endpoint of the registration's tenant."}},
	"AADSTS700027":  {Name: "ClientAssertionInvalid", Means: "The client's signed assertion is not valid.", Do: []string{"Look at the certificate that is registered for the app."}},
	"AADSTS90002":   {Name: "InvalidTenantName", Means: "The tenant does not exist.", Do: []string{"Check the tenant id in the URL."}},
	"AADSTS900023":  {Means: "The tenant id in the URL is neither a GUID nor a domain name.", Do: []string{"Check the tenant id in the URL."}},
	"AADSTS500011":  {Name: "InvalidResourceServicePrincipalNotFound", Means: "The resource is not known in this tenant.", Do: []string{"The scope is https://wns.windows.com/.default."}},
	"AADSTS70011":   {Name: "InvalidScope", Means: "The scope is not a resource's /.default.", Do: []string{"The scope is https://wns.windows.com/.default."}},
	"AADSTS900144":  {Means: "The form lacks a parameter.", Scenarios: []string{"TOK-02"}},
	"AADSTS9002331": personalOnly,
	"AADSTS9002346": personalOnly,
	"AADSTS9002332": {Means: "The app is registered for a directory's users, but the request went to /consumers.", Do: []string{"Use the endpoint of the registration's tenant."}},
	"AADSTS50194":   {Means: "The app is registered for one tenant, but the request went to /common or /organizations.", Do: []string{"Use the endpoint of the registration's tenant."}},
	"AADSTS50076":   {Name: "UserStrongAuthClientAuthNRequired", Means: "Multifactor authentication is required, and the request has none.", Do: []string{"For auto-enrollment: see 0x8018002a."}},
	"AADSTS50079":   {Name: "UserStrongAuthEnrollmentRequired", Means: "The user has to enroll in multifactor authentication first."},
	"AADSTS50105":   {Name: "EntitlementGrantsNotFound", Means: "The user is not assigned to a role for the app.", Do: []string{"Assign the user to the MDM app."}, Scenarios: []string{"AAD-02"}},
	"AADSTS50126":   {Name: "InvalidUserNameOrPassword", Means: "The user's name or password is wrong."},
	"AADSTS50034":   {Name: "UserAccountNotFound", Means: "The user does not exist in the directory."},
	"AADSTS50001":   {Name: "InvalidResource", Means: "The resource is disabled or does not exist.", Do: []string{"For enrollment: the App ID URI of the MDM app must be that of its discovery URL."}, Scenarios: []string{"AAD-02"}},
	"AADSTS65001":   {Name: "DelegationDoesNotExist", Means: "Nobody consented to the app.", Do: []string{"Let an administrator consent."}},
	"AADSTS53003":   {Name: "BlockedByConditionalAccess", Means: "A conditional access policy blocked the token.", Do: []string{"Exclude the MDM's enrollment app from policies that want a compliant device."}},
}

var personalOnly = Answer{Means: "The app is registered for personal Microsoft accounts only.", Do: []string{"Register it for the accounts in your directory, and use the tenant's endpoint."}}
