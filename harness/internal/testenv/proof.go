package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Proof returns the source file of a test that a page names as a proof,
// "package.TestName" with the package's folder below root, the module's root. It is
// an error if there is no such test.
func Proof(root, name string) (source string, err error) {
	pkg, test, found := strings.Cut(name, ".")
	if !found {
		return "", fmt.Errorf("%q is not package.TestName", name)
	}
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pkg), "*_test.go"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no tests in %s", pkg)
	}
	find := regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(test) + `\(`)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		if find.Match(raw) {
			return string(raw), nil
		}
	}
	return "", fmt.Errorf("there is no %s", name)
}
