package dmclient

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// TokenRequest is what a device asks its directory for.
type TokenRequest struct {
	Of *Device // who asks
	// Device asks for a token of the device itself, not of its user.
	Device bool
	// DeviceID is the device's id in the directory, the same as DMClient's
	// AADDeviceID. It is empty while the device is not registered there, on the
	// terms-of-use page.
	DeviceID string
	// Audience is AADResourceID; empty stands for the application that the device
	// enrolls with.
	Audience string
	// Renew asks for a new token, because the server refused the last session.
	Renew bool
}

// Carrier is where a session carries a token. It is a set.
type Carrier int

// The places of tokens.
const (
	InAlert       Carrier = 1 << iota // Alert 1224 com.microsoft/MDM/AADUserToken
	InBearer                          // the header Authorization: Bearer
	InDeviceToken                     // the header DeviceToken
)

func (c Carrier) String() string {
	var out []string
	for i, name := range []string{"the AADUserToken alert", "Authorization: Bearer", "the DeviceToken header"} {
		if c&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return strings.Join(out, " and ")
}

// Carried is a directory's token in a session, without the token.
type Carried struct {
	In     Carrier
	Device bool // of the device, not of its user
	// Of is the user, or the device's id in the directory; empty if the token does
	// not say.
	Of      string
	Expires time.Time // zero if the token does not say
}

// directory is what a device keeps of the directory that it joined.
type directory struct {
	member bool   // a directory's token enrolled the device
	token  string // that token, for the sessions of devices without Config.Tokens
	// signedIn: the user may sign in. A join ends after the first session.
	signedIn bool
	refused  bool // the last session ended with 401
	carried  []Carried
}

// InDirectory reports whether a directory's token enrolled the device.
func (d *Device) InDirectory() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.directory.member
}

// Tokens returns which of the directory's tokens the last session carried.
func (d *Device) Tokens() []Carried {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.directory.carried)
}

// joins reports whether the enrollment is a join, of a device that its organization
// owns. Otherwise a user adds a work account (Learn, "Microsoft Entra integration
// with MDM": EnrollmentType).
func (d *Device) joins() bool { return d.cfg.EnrollmentType == "Device" }

// build10 is the first Windows with Entra sessions (the same page applies to
// Windows 10 and 11).
const build10 = 10240

// tokens are what one session carries.
type tokens struct{ user, bearer, device string }

// authorize gets the session's tokens. They are current in every session: no message
// renews them [model].
//
//   - While a directory's user is logged in, Authorization: Bearer and the alert
//     AADUserToken carry the user's token. The first session after a join carries
//     none (Learn, "Microsoft Entra integration with MDM").
//   - If there is no user's token, AADSendDeviceToken makes the device's own the
//     Bearer. ForceAadToken 4 replaces that node; its text has no condition, so a
//     quirk sends the device's token instead of the user's (DDF of DMClient).
//   - ForceAadToken 1 always sends the device's token in the header DeviceToken
//     (DDF of DMClient; MS-MDM 2.1 note 9). 2 and 8 are reserved.
func (r *running) authorize(ctx context.Context) {
	d := r.d
	d.mu.Lock()
	dir, login := d.directory, d.login
	d.mu.Unlock()
	if !dir.member || d.cfg.Profile.Build < build10 {
		return
	}
	if login == LoginUser && (dir.signedIn || !d.joins()) {
		r.tokens.user = r.token(ctx, &dir, false)
		r.tokens.bearer = r.tokens.user
		r.carry(r.tokens.user, false, InAlert|InBearer)
	}
	force := strings.TrimSpace(d.account("ForceAadToken"))
	header, replaces := force == "1", force == "4" && d.cfg.Profile.Quirks.DeviceBearer
	fallback := r.tokens.user == "" && (force == "4" || csp.Truth(d.account("AADSendDeviceToken")))
	if !header && !replaces && !fallback {
		return
	}
	own := r.token(ctx, &dir, true)
	if own == "" {
		return
	}
	var in Carrier
	if header {
		r.tokens.device, in = own, InDeviceToken
	}
	if replaces || fallback {
		r.tokens.bearer, in = own, in|InBearer
		for i := range r.s.Tokens {
			r.s.Tokens[i].In &^= InBearer
		}
	}
	r.carry(own, true, in)
}

// token asks the directory. A session goes on without a token that cannot be had, and
// the server then sends policies of the device only.
func (r *running) token(ctx context.Context, dir *directory, device bool) string {
	d := r.d
	if d.cfg.Tokens == nil {
		if device {
			return ""
		}
		return dir.token
	}
	token, err := d.cfg.Tokens(ctx, TokenRequest{Of: d, Device: device, DeviceID: d.directoryID(), Audience: d.account("AADResourceID"), Renew: dir.refused})
	if err != nil {
		r.s.TokenErr = errors.Join(r.s.TokenErr, err)
		d.log.Warn("the directory gives no token", "err", err)
	}
	return token
}

// directoryID is the device's id in the directory.
func (d *Device) directoryID() string { return host{d}.Fact("AADDeviceID") }

// carry notes a token without keeping it.
func (r *running) carry(token string, device bool, in Carrier) {
	if token == "" {
		return
	}
	c := Carried{In: in, Device: device}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err == nil {
		if until, err := claims.GetExpirationTime(); err == nil && until != nil {
			c.Expires = until.UTC()
		}
		for _, name := range []string{"upn", "preferred_username", "unique_name"} {
			if v, ok := claims[name].(string); ok && c.Of == "" {
				c.Of = v
			}
		}
		if v, ok := claims["deviceid"].(string); ok && device {
			c.Of = v
		}
	}
	r.s.Tokens = append(r.s.Tokens, c)
}

// header adds the tokens to every message of the session: the documents name headers
// of a session, not of one message.
func (t *tokens) header(h http.Header) {
	if t.bearer != "" {
		h["Authorization"] = []string{"Bearer " + t.bearer}
	}
	if t.device != "" {
		h["DeviceToken"] = []string{t.device}
	}
}

// afterTokens keeps what the next session has to know. The caller holds d.mu.
func (d *Device) afterTokens(s *Session) {
	dir := &d.directory
	if !dir.member {
		return
	}
	status := 0
	if n := len(s.Exchanges); n > 0 {
		status = s.Exchanges[n-1].Status
	}
	dir.carried, dir.refused = s.Tokens, status == http.StatusUnauthorized
	dir.signedIn = dir.signedIn || status != 0
}

// entraToken is the token that enrolls the device.
func (d *Device) entraToken(ctx context.Context) (string, error) {
	if d.cfg.EntraToken != nil {
		return d.cfg.EntraToken(ctx)
	}
	return d.cfg.Tokens(ctx, TokenRequest{Of: d, DeviceID: d.directoryID()})
}

// join notes that a directory's token enrolled the device. Tokens of other types are
// for the enrollment only.
func (d *Device) join(c *enroll.Credential) {
	if c == nil || c.TokenType != enroll.JWTToken {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.directory = directory{member: true}
	if d.cfg.Tokens == nil {
		d.directory.token = string(c.Token)
	}
}

// How a record tells what a device keeps of its directory.
const (
	packedMember = 1 << iota
	packedSignedIn
	packedRefused
)

// pack ends a record. Devices without a directory have nothing there.
func (dir *directory) pack(e *encoder, since time.Time) {
	if !dir.member {
		return
	}
	e.uint(uint64(packedMember | bit(dir.signedIn)*packedSignedIn | bit(dir.refused)*packedRefused)) //nolint:gosec // not negative
	e.uint(uint64(len(dir.carried)))
	for _, c := range dir.carried {
		e.uint(uint64(int(c.In)<<1 | bit(c.Device))) //nolint:gosec // as above
		if c.Device {
			e.string(c.Of)
		} else {
			e.shared(c.Of)
		}
		e.time(c.Expires, since)
	}
}

// unpack reads what pack wrote. Before version 3 a record has only the token.
func (dir *directory) unpack(d *decoder, version uint64, token string, since time.Time) {
	dir.token = token
	switch {
	case version < 3:
		dir.member, dir.signedIn = token != "", true
		return
	case len(d.b) == 0 || d.err != nil:
		return
	}
	flags := d.uint()
	dir.member, dir.signedIn, dir.refused = flags&packedMember != 0, flags&packedSignedIn != 0, flags&packedRefused != 0
	for range d.count() {
		in := d.uint()
		dir.carried = append(dir.carried, Carried{In: Carrier(in >> 1), Device: in&1 == 1, Of: d.string(), Expires: d.time(since)})
	}
}
