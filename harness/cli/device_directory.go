package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/entra"
)

// directoryFlags are the fake directory that an enrollment asks for.
type directoryFlags struct{ listen, tenant, audience string }

// tokenKindFlag is --entra-token.
func tokenKindFlag(c *cobra.Command, kind *string) {
	c.Flags().StringVar(kind, "entra-token", string(entra.Good), "kind of the fake directory's tokens: good, or broken, such as expired or alg-none")
	complete(c, "entra-token", func() (out []string) {
		for _, k := range tokenKinds() {
			out = append(out, string(k))
		}
		return out
	})
}

func tokenKinds() []entra.Kind { return append([]entra.Kind{entra.Good}, entra.BadKinds()...) }

// storedDirectory is the fake directory of a file's devices. Servers keep its keys, so
// the file does, too.
type storedDirectory struct {
	Listen, Public, Tenant, Audience string
	Keys                             [][]byte // PKCS#1
}

// key makes a key, or gives the stored ones in turn.
func (d *storedDirectory) key() func() (*rsa.PrivateKey, error) {
	known := d.Keys
	return func() (*rsa.PrivateKey, error) {
		if len(known) > 0 {
			der := known[0]
			known = known[1:]
			return x509.ParsePKCS1PrivateKey(der)
		}
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err == nil {
			d.Keys = append(d.Keys, x509.MarshalPKCS1PrivateKey(key))
		}
		return key, err
	}
}

// giveTokens sets where the devices get their tokens: from the hook for a real
// directory, from the fake one that --entra or target.directory asks for, or from the
// one that the file remembers.
func (b *bench) giveTokens(dev *dmclient.Config) error {
	kind, t := entra.Kind(cmp.Or(b.f.tokenKind, string(entra.Good))), &b.cfg.Target
	if !slices.Contains(tokenKinds(), kind) {
		return fmt.Errorf("unknown --entra-token %q; known kinds: %s", kind, words(tokenKinds()))
	}
	if dev.Tokens = lab.HookTokens(b.cfg, nil); dev.Tokens != nil {
		b.tokens = true
		return nil
	}
	var dir storedDirectory
	raw, err := b.store.Meta("directory")
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &dir)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", b.f.state, err)
	}
	asked := directoryFlags{t.Directory.Listen, t.Directory.Tenant, t.Directory.Audience}
	if f := b.f.directory; f != nil {
		asked = directoryFlags{cmp.Or(f.listen, asked.listen), cmp.Or(f.tenant, asked.tenant), cmp.Or(f.audience, asked.audience)}
	}
	dir.Listen, dir.Tenant = cmp.Or(asked.listen, dir.Listen), cmp.Or(asked.tenant, dir.Tenant, uuid.NewString())
	dir.Audience, dir.Public = cmp.Or(asked.audience, dir.Audience), cmp.Or(t.Directory.Public, dir.Public)
	switch {
	case dir.Listen == "", b.f.directory != nil && asked.listen == "":
		return nil
	case b.f.directory != nil:
		p, err := b.serveDirectory(&dir)
		if err != nil {
			return err
		}
		say(b.s.out, "directory  tenant %s\n           issuer %s, audience %s\n           keys %s\n", p.Tenant(), p.Issuer(), p.Audience(), p.KeysURL())
		dev.Tokens, b.tokens = lab.DirectoryTokens(p, kind, t.Username), true
		return nil
	}
	// Most commands need no token, and most files no directory.
	start := sync.OnceValues(func() (*entra.Provider, error) { return b.serveDirectory(&dir) })
	dev.Tokens, b.tokens = func(ctx context.Context, r dmclient.TokenRequest) (string, error) {
		p, err := start()
		if err != nil {
			return "", err
		}
		return lab.DirectoryTokens(p, kind, t.Username)(ctx, r)
	}, true
	return nil
}

// serveDirectory starts the fake directory and stores it.
func (b *bench) serveDirectory(d *storedDirectory) (*entra.Provider, error) {
	ln, err := lab.Listen("the fake directory (--entra)", d.Listen)
	if err != nil {
		return nil, err
	}
	d.Listen = ln.Addr().String()
	p, err := entra.New(entra.Config{BaseURL: cmp.Or(d.Public, "http://"+d.Listen), Tenant: d.Tenant, Audience: d.Audience, Life: b.cfg.Target.Directory.Life, Key: d.key()})
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(d)
	}
	if err == nil {
		err = b.store.PutMeta("directory", raw)
	}
	if err != nil {
		ln.Close()
		return nil, err
	}
	srv := lab.NewHTTPServer(p)
	go srv.Serve(ln) //nolint:errcheck // ends with the command
	b.closing = append(b.closing, func() { srv.Close() })
	return p, nil
}

// showTokens prints what the last session of a device of a directory carried, never a
// token itself.
func showTokens(out io.Writer, d *dmclient.Device, now time.Time) {
	if !d.InDirectory() {
		return
	}
	all := d.Tokens()
	if len(all) == 0 {
		fmt.Fprintln(out, "token      none in the last session")
	}
	for _, c := range all {
		put(out, "token      %s\n", describeToken(c, now)) // our own words about it
	}
}

func describeToken(c dmclient.Carried, now time.Time) string {
	who, until := "user ", "it does not say when it expires"
	if c.Device {
		who = "device "
	}
	switch {
	case c.Expires.IsZero():
	case c.Expires.After(now):
		until = "expires at " + c.Expires.UTC().Format("2006-01-02 15:04 UTC")
	default:
		until = "expired at " + c.Expires.UTC().Format("2006-01-02 15:04 UTC")
	}
	return fmt.Sprintf("%s%s, in %s; %s", who, cmp.Or(c.Of, "(not named)"), c.In, until)
}

// words joins names for a message.
func words[T ~string](names []T) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return strings.Join(out, ", ")
}
