package target

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/redact"
)

// Outcome is what one run of a hook did.
type Outcome struct {
	Hook     string
	DeviceID string // empty if the hook was not for one device
	Asked    string // the request, without its query, or the command's name
	Status   int    // of HTTP; 0 if no reply came
	Output   string // the reply's body, or what the command printed, or what Hook.Output made of it
	Answer   string // with Hook.Output: the beginning of the reply or of what the command printed
	Errors   string // the end of the command's standard error
	Began    time.Time
	Took     time.Duration
	Err      error // a *HookError

	secrets func() []string // that it may repeat
}

// shownOutput is how much of an output is shown, in bytes.
const shownOutput = 1000

// Lines describe the outcome for people: bounded, and without secrets. The output
// of hooks that print tokens is not shown.
func (o *Outcome) Lines() []string {
	how := "ok"
	switch {
	case o.Status != 0:
		how = fmt.Sprintf("HTTP %d", o.Status)
	case o.Err != nil:
		how = "failed"
	}
	out := []string{fmt.Sprintf("%s hook: %s -> %s after %s", o.Hook, o.Asked, how, o.Took.Round(time.Millisecond))}
	if o.Err != nil {
		out[0] += ": " + strings.TrimPrefix(o.Err.Error(), fmt.Sprintf("the %s hook failed: ", o.Hook))
	}
	return append(out, o.printed()...)
}

// printed are lines about what the hook printed.
func (o *Outcome) printed() (out []string) {
	answer, text := o.Answer, o.Output
	if slices.Contains([]string{"token", "signin"}, o.Hook) {
		answer = ""
		if text != "" {
			text = fmt.Sprintf("[redacted, %d bytes]", len(text))
		}
	}
	for _, part := range [][2]string{{"answered", answer}, {"printed", text}, {"standard error", o.Errors}} {
		if shown := o.show(part[1]); shown != "" {
			out = append(out, fmt.Sprintf("%s hook, %s: %s", o.Hook, part[0], shown))
		}
	}
	return out
}

func (o *Outcome) hidden() []string {
	if o.secrets == nil {
		return nil
	}
	return o.secrets()
}

// show is an output on one line.
func (o *Outcome) show(text string) string {
	text = redact.Prose(strings.TrimSpace(strings.ToValidUTF8(text, "?")), o.hidden()...)
	if len(text) > shownOutput {
		text = fmt.Sprintf("%s... (%d bytes)", strings.ToValidUTF8(text[:shownOutput], ""), len(text))
	}
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), " | ")
}

// HookError says which hook failed and why, in one line.
type HookError struct {
	Hook    string
	Err     error
	Outcome *Outcome // nil if the hook did not run
}

func (e *HookError) Error() string {
	text := fmt.Sprintf("the %s hook failed: %v", e.Hook, e.Err)
	if e.Outcome != nil {
		text = redact.Prose(text, e.Outcome.hidden()...)
	}
	return redact.Text(text)
}

// Tell is an error in one line, and below it what the hook printed if one failed.
func Tell(err error) string {
	lines := []string{err.Error()}
	var e *HookError
	if errors.As(err, &e) && e.Outcome != nil {
		lines = append(lines, e.Outcome.printed()...)
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the cause.
func (e *HookError) Unwrap() error { return e.Err }

// secretHeader are headers whose values are not shown.
var secretHeader = regexp.MustCompile(`(?i)auth|cookie|key|token|secret|pass`)

// secretsOf are the secrets that a run of the hook may repeat: of the
// configuration, of the environment, and in headers.
func (k *Hook) secretsOf(v Vars) []string {
	out := append(slices.Clone(k.secrets), v.Password)
	for _, src := range k.texts() {
		if t, err := parseText(src); err == nil {
			for _, name := range t.env {
				out = append(out, os.Getenv(name))
			}
		}
	}
	if k.HTTP == nil {
		return out
	}
	for name, src := range k.HTTP.Headers {
		if !secretHeader.MatchString(name) {
			continue
		}
		if value, err := expand(src, v); err == nil {
			_, word, _ := strings.Cut(value, " ") // of "Bearer x"
			out = append(out, value, cmp.Or(word, value))
		}
	}
	return out
}
