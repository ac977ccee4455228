package enroll

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestSignInForm: the user takes the form to sign in, wherever it stands.
func TestSignInForm(t *testing.T) {
	const search, language = `<form><input name="q"></form>`, `<form method="post" action="/lang"><button name="lang" value="de">Deutsch</button></form>`
	const user, password = `<form method="post" action="/user"><input type="email" name="u"></form>`, `<form method="post" action="/in"><input name="u"><input type="password" name="p"><button name="do" value="in">In</button><button name="do" value="out">Out</button></form>`
	const result = `<form method="post" action="ms-app://x"><input type="hidden" name="wresult" value="t"></form>`
	for page, want := range map[string]string{
		search + password: "/in", language + password: "/in", user + password: "/in", search + user: "/user", language + user: "/user",
		search + language: "/lang", password + result: "ms-app://x", search: "",
	} {
		f := signInForm(parsed(t, page))
		if f == nil || f.action != want {
			t.Errorf("%s: %+v, want %s", page, f, want)
		}
		if want == "/in" && f.values.Get("do") != "in" {
			t.Errorf("%s: the button is %q", page, f.values.Get("do"))
		}
	}
	if signInForm(parsed(t, "<p>none</p>")) != nil {
		t.Error("a form on a page without one")
	}
}

func parsed(t *testing.T, page string) *html.Node {
	t.Helper()
	n, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
