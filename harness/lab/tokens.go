package lab

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
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

// HookTokens asks a hook for the tokens of a real directory. It keeps a token until it
// is about to expire, or until the server refuses it. A token that does not say when
// it expires is not kept. Devices share a token if the hook does not know which one
// asks.
func HookTokens(h *target.Hook, user string, timeout time.Duration) TokenSource {
	var mu sync.Mutex
	type key struct{ kind, audience, device string }
	kept := map[key]string{}
	return func(ctx context.Context, r dmclient.TokenRequest) (string, error) {
		kind := "user"
		switch {
		case r.Device && !h.Mentions(".TokenKind"):
			return "", errors.New("target.hooks.token prints tokens of users only; for tokens of devices use {{.TokenKind}} in it")
		case r.Device:
			kind = "device"
		case r.DeviceID == "":
			kind = "terms"
		}
		same := key{kind: kind, audience: r.Audience}
		if h.Mentions(".DirectoryID") {
			same.device = r.DeviceID
		}
		mu.Lock()
		token := kept[same]
		mu.Unlock()
		if token != "" && !r.Renew && time.Until(expiry(token)) > nearExpiry {
			return token, nil
		}
		out, err := h.Run(ctx, "token", target.Vars{Username: user, TokenKind: kind, Audience: r.Audience, DirectoryID: r.DeviceID}, timeout)
		if err != nil {
			return "", err
		}
		token = strings.TrimSpace(out)
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
