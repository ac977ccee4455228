package dmclient

import (
	"fmt"
	"regexp"
	"strings"
)

// A family name is Name_PublisherHash: a name of 3 to 50 letters, digits, "."
// and "-", and a hash of 13 characters in base32 without i, l, o and u (Learn,
// "Package identity overview").
var familyName = regexp.MustCompile(`^[A-Za-z0-9.-]{3,50}_[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{13}$`)

// CheckPFN returns nil for a package family name, or else an error with Reason
// "malformed".
func CheckPFN(pfn string) error {
	switch parts := strings.Split(pfn, "_"); {
	case pfn == "":
		return &pfnError{"the PFN is empty"}
	case len(parts) == 5:
		return &pfnError{fmt.Sprintf("a package full name; the family name is %s_%s", parts[0], parts[4])}
	case len(parts) != 2:
		return &pfnError{"not of the form Name_PublisherHash"}
	case !familyName.MatchString(pfn):
		if n := len(parts[1]); n != 13 {
			return &pfnError{fmt.Sprintf("the publisher hash has %d characters, not 13", n)}
		}
		return &pfnError{"a character that neither a package name nor a publisher hash can have"}
	}
	return nil
}

type pfnError struct{ what string }

func (e *pfnError) Error() string { return e.what }
func (*pfnError) Reason() string  { return "malformed" }
