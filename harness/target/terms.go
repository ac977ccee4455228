package target

import (
	"errors"
	"fmt"
	"net/url"
)

// Terms are the server's terms of use.
type Terms struct {
	// TermsOfUse is the URL of the page, which devices of a directory open before they
	// enroll; empty: they open none.
	TermsOfUse string `yaml:"terms_of_use"`
}

func (t *Target) checkTerms() error {
	if t.TermsOfUse == "" {
		return nil
	}
	if u, err := url.Parse(t.TermsOfUse); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("target.terms_of_use %q is not an https URL", t.TermsOfUse)
	}
	if t.Directory.Listen == "" && t.Hooks.Token == nil {
		return errors.New("target.terms_of_use needs the token of a user: set target.directory or target.hooks.token")
	}
	return nil
}
