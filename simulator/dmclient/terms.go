package dmclient

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// acceptTerms shows the user the server's terms of use, before the enrollment, and
// returns what the page tells the enrollment service. The user has a token by then,
// but the device is not registered in the directory yet (Learn, "Microsoft Entra
// integration with MDM", Terms of Use protocol semantics).
func (d *Device) acceptTerms(ctx context.Context, c *enroll.Client) (data string, err error) {
	if d.cfg.TermsOfUse == "" {
		return "", nil
	}
	fail := func(err error) (string, error) { return "", &enroll.Error{Step: enroll.StepTerms, Err: err} }
	var token string
	switch {
	case d.cfg.Tokens != nil:
		token, err = d.cfg.Tokens(ctx, TokenRequest{Of: d})
	case d.cfg.EntraToken != nil:
		token, err = d.cfg.EntraToken(ctx)
	default:
		err = errors.New("only devices of a directory open them: set Config.Tokens")
	}
	if err != nil {
		return fail(fmt.Errorf("the directory's token: %w", err))
	}
	page := &enroll.Terms{HTTP: c.HTTP, URL: d.cfg.TermsOfUse, Token: token, Join: d.joins(), Refuse: d.cfg.RefuseTerms, RequestID: uuid.NewString()}
	return page.Answer(ctx)
}

// withTerms adds EnrollmentData, what the terms-of-use page told, to the context of
// an RST. Its place is that of two clients which a public server accepts [seen].
func withTerms(items []enroll.ContextItem, data string) []enroll.ContextItem {
	if data == "" {
		return items
	}
	at := 1 + slices.IndexFunc(items, func(i enroll.ContextItem) bool { return i.Name == "TargetedUserLoggedIn" })
	return slices.Insert(items, at, enroll.ContextItem{Name: "EnrollmentData", Value: data})
}
