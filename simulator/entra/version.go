package entra

import (
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// The versions of access tokens. The application that gets them chooses
// (requestedAccessTokenVersion of its manifest).
const (
	V1 = "1.0"
	V2 = "2.0"
)

// DefaultClientID is the MDM server's application id if Config names none.
const DefaultClientID = "0f0c5b1e-6c0a-4d0c-9b64-3e2f7d1a9c58"

// Issuer returns the iss of a tenant's tokens of a version (Learn, "Access tokens in
// the Microsoft identity platform").
func Issuer(version, tenant string) string {
	if version == V2 {
		return "https://login.microsoftonline.com/" + tenant + "/v2.0"
	}
	return "https://sts.windows.net/" + tenant + "/"
}

// checkVersion returns an error for a version that does not exist.
func checkVersion(version string) error {
	if version != V1 && version != V2 {
		return fmt.Errorf("unknown token version %q; use %s or %s", version, V1, V2)
	}
	return nil
}

// renew turns the claims of a v1.0 token into those of v2.0 (Learn, "Access token
// claims reference"): the audience is the application's id, never its URI; azp
// replaces appid, and preferred_username upn and unique_name; there is no amr. That
// deviceid stays is a [model].
func renew(c jwt.MapClaims) {
	c["ver"], c["azp"], c["azpacr"] = V2, c["appid"], "0"
	if name, ok := c["upn"]; ok {
		c["preferred_username"] = name
	}
	for _, old := range []string{"appid", "upn", "unique_name", "amr"} {
		delete(c, old)
	}
}
