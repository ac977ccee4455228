package target

import (
	"fmt"
	"os"
	"strings"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/redact"
)

// Secret is a value that is never printed. In the file it is {env: NAME} or
// {file: PATH}; a plain value is rejected, to keep secrets out of committed files.
type Secret struct {
	Env  string `yaml:"env"`
	File string `yaml:"file"`

	value string
}

// NewSecret returns a secret with a known value.
func NewSecret(v string) Secret { return Secret{value: v} }

// Value returns the secret.
func (s Secret) Value() string { return s.value }

// String hides the secret.
func (s Secret) String() string { return redact.Hidden }

func (s *Secret) resolve(key, dir string) error {
	switch {
	case s.Env != "" && s.File != "":
		return fmt.Errorf("%s: give env or file, not both", key)
	case s.Env != "":
		v, ok := os.LookupEnv(s.Env)
		if !ok {
			return fmt.Errorf("%s: the environment variable %s is not set", key, s.Env)
		}
		s.value = v
	case s.File != "":
		b, err := bounded.ReadFile(inDir(dir, s.File), bounded.Secret)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		s.value = strings.TrimRight(string(b), "\r\n")
	}
	return nil
}
