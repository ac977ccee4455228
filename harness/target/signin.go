package target

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// SignIn is how devices sign in on the server's page. One way may be set; the zero
// value fills in the forms of the page.
type SignIn struct {
	Form    bool         `yaml:"form"`
	Steps   []SignInStep `yaml:"steps"`
	Hook    *Hook        `yaml:"hook"` // prints wresult
	Browser Browser      `yaml:"browser"`
}

// SignInStep is one step of a sign-in, see enroll.Step; its texts are templates.
type SignInStep struct {
	Get    *string           `yaml:"get"`
	Fill   map[string]string `yaml:"fill"`
	Form   string            `yaml:"form"`
	Follow string            `yaml:"follow"`
	Post   string            `yaml:"post"`
	Body   string            `yaml:"body"`
	Take   string            `yaml:"take"`
}

// Browser is the path of a Chromium, or "auto", which looks for one; empty is none.
// In the file true is auto.
type Browser string

// UnmarshalYAML reads true, false, auto or a path.
func (b *Browser) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: target.signin.browser is auto, or the path of a Chromium", n.Line)
	}
	switch strings.ToLower(n.Value) {
	case "true", "auto":
		*b = "auto"
	case "false", "":
		*b = ""
	default:
		*b = Browser(n.Value)
	}
	return nil
}

// Default reports whether the forms of the page are filled in.
func (s *SignIn) Default() bool { return s.Hook == nil && s.Browser == "" && len(s.Steps) == 0 }

func (s *SignIn) check() error {
	var set []string
	for name, is := range map[string]bool{"form": s.Form, "steps": len(s.Steps) > 0, "hook": s.Hook != nil, "browser": s.Browser != ""} {
		if is {
			set = append(set, name)
		}
	}
	if len(set) > 1 {
		return errors.New("target.signin: give one of form, steps, hook and browser")
	}
	if s.Hook != nil {
		if err := s.Hook.check("target.signin.hook"); err != nil {
			return err
		}
		if s.Hook.Uses("ServerID") {
			return fmt.Errorf("target.signin.hook: %w", errTooEarly)
		}
	}
	_, err := s.script(func(src string) (string, error) {
		switch {
		case uses(src, "ServerID"):
			return "", errTooEarly
		case uses(src, "Output"):
			return "", errors.New("only the output of a hook has .Output")
		}
		return "", try(src)
	})
	return err
}

// errTooEarly is a use of .ServerID before the enrollment.
var errTooEarly = errors.New(".ServerID is not known yet; identify the device by other variables")

// maxSteps limits a sign-in.
const maxSteps = 50

// Script makes the steps for a device. The caller sets its client and its page.
func (s *SignIn) Script(v Vars) (*enroll.Script, error) {
	out, err := s.script(func(src string) (string, error) { return expand(src, v) })
	if err == nil {
		out.Secret = v.Password
	}
	return out, err
}

// script makes the steps with texts made by a function.
func (s *SignIn) script(text func(src string) (string, error)) (*enroll.Script, error) {
	if len(s.Steps) > maxSteps {
		return nil, fmt.Errorf("target.signin.steps: %d steps; %d are the most", len(s.Steps), maxSteps)
	}
	out := &enroll.Script{}
	for i := range s.Steps {
		step, err := s.Steps[i].expand(text)
		if err != nil {
			return nil, fmt.Errorf("target.signin.steps, step %d: %w", i+1, err)
		}
		out.Steps = append(out.Steps, step)
	}
	return out, nil
}

func (s *SignInStep) expand(text func(src string) (string, error)) (out enroll.Step, err error) {
	actions := 0
	for _, is := range []bool{s.Get != nil, s.Fill != nil, s.Follow != "", s.Post != "", s.Take != ""} {
		if is {
			actions++
		}
	}
	switch {
	case actions != 1:
		return out, errors.New("give one of get, fill, follow, post and take")
	case s.Form != "" && s.Fill == nil:
		return out, errors.New("form belongs to fill")
	case s.Body != "" && s.Post == "":
		return out, errors.New("body belongs to post")
	case s.Fill != nil && len(s.Fill) == 0:
		return out, errors.New("fill names no input")
	}
	made := func(src string) string {
		got, bad := text(src)
		err = cmp.Or(err, bad)
		return got
	}
	if s.Get != nil {
		to := made(*s.Get)
		out.Get = &to
	}
	if s.Fill != nil {
		out.Fill = map[string]string{}
		for name, value := range s.Fill {
			out.Fill[name] = made(value)
		}
	}
	out.Form, out.Follow, out.Post, out.Body = made(s.Form), made(s.Follow), made(s.Post), made(s.Body)
	if err == nil && s.Take != "" {
		out.Take, err = compile(s.Take)
	}
	return out, err
}
