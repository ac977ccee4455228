package lab

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
)

// TokenSource gives a device the current tokens of its directory; it is the type of
// dmclient.Config.Tokens.
type TokenSource = func(context.Context, dmclient.TokenRequest) (string, error)

// DirectoryTokens issues a new token of that kind each time.
func DirectoryTokens(p *entra.Provider, kind entra.Kind, user string) TokenSource {
	return func(_ context.Context, r dmclient.TokenRequest) (string, error) {
		return p.Issue(kind, entra.Who{UPN: user, DeviceID: r.DeviceID, Audience: r.Audience, Device: r.Device, Unregistered: r.DeviceID == ""})
	}
}

// nearExpiry is how long before its end a token is renewed, so that it does not
// expire on its way.
const nearExpiry = 5 * time.Minute

// HookTokens asks target.hooks.token, which a real directory is behind; nil if there is
// no such hook, or if it prints tokens of another type, which devices do not show in
// sessions. It keeps a token until it is about to expire, or until the server refuses
// it. A token that does not say when it expires is not kept. Devices share a token if
// the hook does not ask which one it is for. heed gets what each run of the hook did;
// nil ignores it.
func HookTokens(cfg *target.Config, heed func(*target.Outcome)) TokenSource {
	t := &cfg.Target
	h := t.Hooks.Token
	if h == nil || h.ValueType != "" && h.ValueType != enroll.JWTToken {
		return nil
	}
	own := slices.ContainsFunc(target.Variables(), func(v target.Variable) bool {
		return !slices.Contains([]string{"Username", "Password", "TokenKind", "Audience", "Output", "TraceParent"}, v.Name) && h.Uses(v.Name)
	})
	type key struct{ kind, audience, device string }
	var mu sync.Mutex
	kept := map[key]string{}
	return func(ctx context.Context, r dmclient.TokenRequest) (string, error) {
		kind := "user"
		switch {
		case r.Device && !h.Uses("TokenKind"):
			return "", errors.New("target.hooks.token prints tokens of users only; for tokens of devices use {{.TokenKind}} in it")
		case r.Device:
			kind = "device"
		case r.DeviceID == "":
			kind = "terms"
		}
		same := key{kind: kind, audience: r.Audience}
		if own {
			same.device = r.Of.Identity().DeviceID
		}
		mu.Lock()
		token := kept[same]
		mu.Unlock()
		if token != "" && !r.Renew && time.Until(expiry(token)) > nearExpiry {
			return token, nil
		}
		v := knownTo(t, r.Of)
		v.TokenKind, v.Audience, v.DirectoryID, v.Password = kind, r.Audience, r.DeviceID, t.Password.Value()
		o := h.Do(ctx, "token", v, cfg.Timeouts.Hook)
		if heed != nil {
			heed(o)
		}
		if o.Err != nil {
			return "", o.Err
		}
		token = strings.TrimSpace(o.Output)
		mu.Lock()
		defer mu.Unlock()
		if delete(kept, same); !expiry(token).IsZero() {
			kept[same] = token
		}
		return token, nil
	}
}

// expiry is when a token expires; zero if it does not say.
func expiry(token string) time.Time {
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		return time.Time{}
	}
	until, err := claims.GetExpirationTime()
	if err != nil || until == nil {
		return time.Time{}
	}
	return until.Time
}
