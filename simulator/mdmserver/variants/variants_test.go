package variants

import (
	"regexp"
	"strings"
	"testing"
)

func TestAll(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9-]+$`)
	seen := map[string]bool{}
	for _, v := range All() {
		if !name.MatchString(v.Name) || seen[v.Name] || v.Does == "" || v.Seen == "" || v.Vary == nil {
			t.Errorf("variant %q is malformed or listed twice", v.Name)
		}
		seen[v.Name] = true
	}
}

func TestFind(t *testing.T) {
	list, err := Find("push-itself")
	if err != nil || len(list) != 1 || list[0] != PushItself {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := Find("push-itself", "nothing"); err == nil || !strings.Contains(err.Error(), "push-itself") {
		t.Errorf("an unknown variant: %v, want an error with those there are", err)
	}
}
