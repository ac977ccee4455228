package mdmserver

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
)

// FuzzReadCSR: garbage is refused, and a key is returned only if it signed the
// request.
func FuzzReadCSR(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	for _, make := range []func() ([]byte, error){
		func() ([]byte, error) { return enroll.WindowsCSR(key, "BA405A5D-B1C7-4737-81C8-8F379A000000", "D1") },
		func() ([]byte, error) { return enroll.PlainCSR(key, "D1") },
	} {
		csr, err := make()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(csr)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		pub, err := readCSR(der)
		if err == nil && pub == nil {
			t.Fatal("neither a key nor an error")
		}
	})
}

// FuzzJWT: only the directory's own token is accepted.
func FuzzJWT(f *testing.F) {
	idp, err := entra.New(entra.Config{})
	if err != nil {
		f.Fatal(err)
	}
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { idp.ServeHTTP(w, r) }))
	f.Cleanup(keys.Close)
	s := &Server{cfg: Config{Now: time.Now, Entra: &Entra{Tenant: idp.Tenant(), Issuer: idp.Issuer(), Audience: idp.Audience(),
		KeysURL: keys.URL + "/" + idp.Tenant() + "/discovery/v2.0/keys"}}}
	good, err := idp.Issue(entra.Good, entra.Who{UPN: "u@x"})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := s.checkJWT(good); err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	for _, kind := range entra.BadKinds() {
		token, err := idp.Issue(kind, entra.Who{UPN: "u@x"})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := s.checkJWT(token); token != good && err == nil {
			t.Fatalf("taken: %s", token)
		}
	})
}
