package fakewns

import (
	"fmt"
	"regexp"
	"strings"
)

// AppKind says which token endpoint serves an app.
type AppKind string

// The kinds of apps. The classic flow is being retired: new identities are
// refused there [seen 2026].
const (
	Classic        AppKind = "classic"         // login.live.com
	ClassicRetired AppKind = "classic-retired" // login.live.com refuses it and points to Entra
	Entra          AppKind = "entra"           // login.microsoftonline.com
)

// App is one app identity: the PFN, Package SID and client secret that the
// partner portal hands out together, or the registration in a directory.
type App struct {
	PFN        string  `json:"pfn"`        // package family name
	PackageSID string  `json:"packageSID"` // ms-app://s-1-15-2-...
	Secret     string  `json:"secret"`
	Kind       AppKind `json:"kind,omitempty"` // default Classic

	// Of an Entra app: its directory and the id of its registration.
	Tenant   string `json:"tenant,omitempty"`
	ClientID string `json:"clientID,omitempty"`
	// Consumers makes it registered for personal Microsoft accounts only: its
	// directory's endpoint refuses it.
	Consumers bool `json:"consumers,omitempty"`

	// Revoked makes devices unable to register its PFN, and senders unable to
	// push to it.
	Revoked bool `json:"revoked,omitempty"`
	// Blocked answers notifications with 410: WNS blocks an app that misuses
	// it (Learn, "Push notification support for device management").
	Blocked bool `json:"blocked,omitempty"`
}

// check says what is wrong with an app's configuration.
func (a *App) check() error {
	switch a.Kind {
	case "", Classic, ClassicRetired:
		if !strings.HasPrefix(a.PackageSID, "ms-app://") {
			return fmt.Errorf("app %s: the Package SID %q does not begin with ms-app://", a.PFN, a.PackageSID)
		}
	case Entra:
		if a.Tenant == "" || a.ClientID == "" {
			return fmt.Errorf("app %s: an app of kind entra needs Tenant and ClientID", a.PFN)
		}
	default:
		return fmt.Errorf("app %s: unknown kind %q; known kinds: classic, classic-retired, entra", a.PFN, a.Kind)
	}
	if reason := malformedPFN(a.PFN); reason != "" {
		return fmt.Errorf("app %q: %s", a.PFN, reason)
	}
	return nil
}

// id is the app's name in a token.
func (a *App) id() string {
	if a.Kind == Entra {
		return a.Tenant + "/" + a.ClientID
	}
	return a.PackageSID
}

// familyName is Name_PublisherHash (Learn, "Package identity overview"): a hash
// is base32 without i, l, o and u.
var familyName = regexp.MustCompile(`^[A-Za-z0-9.-]{3,50}_[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{13}$`)

// malformedPFN says what is wrong with a PFN; empty if it is well-formed.
func malformedPFN(pfn string) string {
	switch parts := strings.Split(pfn, "_"); {
	case len(parts) == 5:
		return fmt.Sprintf("a package full name; the family name is %s_%s", parts[0], parts[4])
	case !familyName.MatchString(pfn):
		return "not of the form Name_PublisherHash with a hash of 13 characters"
	}
	return ""
}

// SetApps replaces the apps. Channels and tokens of a removed app stay, and are
// refused; an app that only gets another secret keeps them.
func (s *Server) SetApps(apps []App) error {
	seen := map[string]bool{}
	for _, a := range apps {
		if err := a.check(); err != nil {
			return err
		}
		for _, name := range []string{strings.ToLower(a.PFN), a.id()} {
			if seen[name] {
				return fmt.Errorf("app %s: %s is used twice", a.PFN, name)
			}
			seen[name] = true
		}
	}
	list := make([]*App, len(apps))
	for i := range apps {
		a := apps[i]
		list[i] = &a
	}
	s.apps.Store(&list)
	s.tokens.mu.Lock()
	clear(s.tokens.good) // they name apps that were replaced
	s.tokens.mu.Unlock()
	return s.keep(s.appsRecord(apps))()
}

// Apps are the app identities of the service.
func (s *Server) Apps() []App {
	var out []App
	for _, a := range *s.apps.Load() {
		out = append(out, *a)
	}
	return out
}

// app finds an app; nil if no app matches.
func (s *Server) app(want func(*App) bool) *App {
	for _, a := range *s.apps.Load() {
		if want(a) {
			return a
		}
	}
	return nil
}

func (s *Server) appByPFN(pfn string) *App {
	return s.app(func(a *App) bool { return strings.EqualFold(a.PFN, pfn) })
}
