package lab

import (
	"errors"
	"fmt"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// PaceDo tells the user what to do about a server that limits enrollments.
const PaceDo = "set target.pace, for example 10 (enrollments a minute)"

// TokenDo tells the user the ways out if devices cannot sign in on the server's
// page.
const TokenDo = "set target.hooks.token, for example {exec: [./token.sh]}, target.signin (steps, hook or browser, see harness/docs/signin.md) or target.directory"

// TermsDo tells the user what to do about a terms-of-use page that dmwake cannot use.
const TermsDo = "let the page show its two buttons in plain HTML to the user of the test, or leave target.terms_of_use out"

// ProfilesDo tells the user what to do about a server that refuses a version of
// Windows.
const ProfilesDo = "set target.profiles to versions that the server supports"

// ExcusedError is a failed enrollment for which the server is not to blame:
// What says why, and Do what the user can set.
type ExcusedError struct {
	What, Do string
	Err      error
}

func (e *ExcusedError) Error() string { return redact.Text(e.What + ": " + e.Do) }

// Unwrap gives the cause.
func (e *ExcusedError) Unwrap() error { return e.Err }

// Excuse says why an enrollment failed, if the server is not to blame; nil if
// it may be.
func Excuse(err error) *ExcusedError {
	var known *ExcusedError
	var e *enroll.Error
	var page *enroll.UnusableError
	var hook *target.HookError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &hook):
		return &ExcusedError{hook.Error(), "fix " + hookKey(hook.Hook), err}
	case limited(err):
		errors.As(err, &e)
		return &ExcusedError{fmt.Sprintf("the server limits how often devices enroll (HTTP 429 to %s)", e.Step), PaceDo, err}
	case unsupported(err):
		errors.As(err, &e)
		return &ExcusedError{fmt.Sprintf("the server supports no devices of this version (DeviceNotSupported to %s)", e.Step), ProfilesDo, err}
	case errors.As(err, &page) && errors.As(err, &e) && e.Step == enroll.StepTerms:
		return &ExcusedError{page.Why, TermsDo, err}
	case errors.As(err, &page) && page.NoPassword:
		return &ExcusedError{page.Why, PasswordDo, err}
	case errors.As(err, &page):
		return &ExcusedError{page.Why, TokenDo, err}
	}
	return nil
}

// hookKey is where a hook is configured.
func hookKey(name string) string {
	if name == "signin" {
		return "target.signin.hook"
	}
	return "target.hooks." + name
}

// limited reports whether an enrollment ended with 429 after all waits.
func limited(err error) bool {
	var e *enroll.Error
	return errors.As(err, &e) && e.Limited()
}

// unsupported tells whether the server refuses a device for its version (MS-MDE2
// 2.2.10).
func unsupported(err error) bool {
	const code = "DeviceNotSupported"
	var e *enroll.Error
	var f *enroll.Fault
	return errors.As(err, &e) && errors.As(err, &f) && (f.Subcode == code || f.ErrorType == code)
}
