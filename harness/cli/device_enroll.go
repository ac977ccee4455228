package cli

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

type enrollFlags struct {
	count, pool   int
	profiles      []string
	kind, key     string
	seed          uint64
	plain, noSync bool
	cert, certKey string
	entra         string
	audience      string
	tenant        string
	terms         string
	refuseTerms   bool
	image         target.Image
	attestation   string
	again, resume bool
	admission     *admission
}

func enrollCommand(s *streams, f *deviceFlags) *cobra.Command {
	var e enrollFlags
	c := &cobra.Command{
		Use:   "enroll [DEVICE...]",
		Short: "Enroll devices, and run their first sessions",
		Long: `Enrolls devices as Windows does, by the policy the server names in Discover:
OnPremise with the user's password, Federated by signing in on the server's page,
Certificate with --cert and --cert-key. With --entra the devices bring tokens of a
built-in fake directory, which serves its keys at that address while they enroll and
while they have sessions; the file keeps its keys. --terms is the URL of the server's
terms of use, which devices of a directory accept first, or decline (--refuse-terms).

With DEVICE it enrolls devices of the file that are no longer enrolled, with their
identities. A device that still is enrolled refuses, as Windows does (0x8018000a);
--again removes its enrollment first without telling the server, as a reset does.

Each device is in the file before the server hears of it. If the command is killed or
interrupted, or the server does not answer the request for the certificate, "device
list" shows the device as begun, and --resume enrolls all that are, with their
identities and with the flags they began with; --config is to be given again.

--hwdevid, --serial and --name give all devices the same values, like machines cloned
from one image; target.image in --config does the same.

With --config devices enroll as in a test: they sign in as target.signin,
target.certificate and the token hook say, at target.pace, with target.quirks; the
enrolled hook runs (and lookup, if it uses .ServerID). Other hooks have no part in it.`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := e.consistent(c, args); err != nil {
				return usage(err)
			}
			f.creates = !e.resume
			f.opened = func(b *bench) error { return e.remember(b, f, c.Flags()) }
			return runEnroll(c.Context(), s, f, &e, args)
		},
	}
	fl := c.Flags()
	fl.IntVar(&e.count, "count", 1, "how many devices")
	fl.StringSliceVar(&e.profiles, "profile", nil, "which Windows they are, in turn (default win11, or the last of target.profiles)")
	fl.StringVar(&e.kind, "type", "Full", "enrollment type, Full or Device")
	fl.StringVar(&e.key, "key", "rsa", "kind of key: rsa, as Windows makes, or ec, which is fast")
	fl.IntVar(&e.pool, "key-pool", 0, "make only so many RSA keys and share them among the devices")
	fl.Uint64Var(&e.seed, "seed", 0, "seed of the identities; 0 draws one")
	fl.BoolVar(&e.plain, "plain-csr", false, "send a CSR that every parser accepts, instead of Windows' form")
	fl.BoolVar(&e.noSync, "no-sync", false, "skip the first session")
	fl.StringVar(&e.cert, "cert", "", "PEM file of a certificate that may enroll devices (policy Certificate)")
	fl.StringVar(&e.certKey, "cert-key", "", "PEM file of its key")
	fl.StringVar(&e.entra, "entra", "", "address for the fake directory, such as 127.0.0.1:7090")
	fl.StringVar(&e.terms, "terms", "", "URL of the server's terms of use, which devices of a directory open first")
	fl.BoolVar(&e.refuseTerms, "refuse-terms", false, "decline the terms of use, which ends the enrollment")
	fl.StringVar(&e.audience, "entra-audience", "", "audience of the directory's tokens (default https://mdm.example)")
	fl.StringVar(&e.tenant, "entra-tenant", "", "tenant id of the directory; random if empty")
	fl.StringVar(&e.image.Name, "name", "", "name of all the devices (default: each its own)")
	fl.StringVar(&e.image.HWDevID, "hwdevid", "", "hardware id of all the devices, 64 hexadecimal digits (default: each its own)")
	fl.StringVar(&e.image.Serial, "serial", "", "serial number (SMBIOS) of all the devices (default: each its own)")
	fl.StringVar(&e.attestation, "attestation", string(dmclient.AttestGood), "what devices say of their key if the server asks (EnrollmentVersion 5.0 or later): good, none, other-key, forged or garbage; no TPM makes it")
	fl.BoolVar(&e.again, "again", false, "enroll the named devices even if they are enrolled")
	fl.BoolVar(&e.resume, "resume", false, "go on with the devices whose enrollment began and did not end")
	complete(c, "attestation", func() (out []string) {
		for _, a := range dmclient.Attestations() {
			out = append(out, string(a))
		}
		return out
	})
	f.sessionFlags(c)
	return c
}

const maxDevices = 200_000 // in one file

// settings applies the enrollment flags to the devices' configuration.
func (e *enrollFlags) settings(dev *dmclient.Config) error {
	dev.EnrollmentType, dev.Attestation, dev.RefuseTerms = e.kind, dmclient.Attestation(e.attestation), e.refuseTerms
	if e.terms != "" {
		if u, err := url.Parse(e.terms); err != nil || u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("--terms %q is not an https URL", e.terms)
		}
		dev.TermsOfUse = e.terms
	}
	if e.refuseTerms && dev.TermsOfUse == "" {
		return errors.New("--refuse-terms needs --terms, the URL of the terms of use")
	}
	if !slices.Contains(dmclient.Attestations(), dev.Attestation) {
		return fmt.Errorf("unknown --attestation %q; known kinds: %s", e.attestation, words(dmclient.Attestations()))
	}
	switch e.key {
	case "ec":
		dev.Key = func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
	case "rsa":
		dev.Key = enroll.NewKeyPool(e.pool).Key
	default:
		return fmt.Errorf("--key %q is neither rsa nor ec", e.key)
	}
	if (e.cert == "") != (e.certKey == "") {
		return errors.New("--cert and --cert-key must be used together")
	}
	if e.cert != "" {
		pair, err := bounded.KeyPair(e.cert, e.certKey)
		if err != nil {
			return fmt.Errorf("--cert: %w", err)
		}
		dev.EnrollCert = &pair
	}
	return nil
}

func runEnroll(ctx context.Context, s *streams, f *deviceFlags, e *enrollFlags, names []string) error {
	if e.count < 1 || e.count > maxDevices {
		return usage(fmt.Errorf("--count %d is not from 1 to %d", e.count, maxDevices))
	}
	cfg, err := f.target()
	if err != nil {
		return usage(err)
	}
	profiles, err := e.chosen(&cfg.Target, f.quirks)
	if err != nil {
		return usage(err)
	}
	var bad error
	b, err := f.open(s, func(b *bench, dev *dmclient.Config) {
		dev.Quirks = nil // flags of the new devices
		if bad = e.settings(dev); bad == nil {
			e.admission, bad = b.admit(dev)
		}
	})
	if err != nil {
		return err
	}
	defer b.close()
	if e.resume && !slices.ContainsFunc(b.rows, func(r row) bool { return r.begun }) {
		return b.enrollAll(ctx, nil, e, false) // whatever else is missing, it says that none is begun
	}
	if bad == nil && b.cfg.Target.Discovery == "" && b.cfg.Target.Username == "" {
		bad = errors.New("the server is unknown: set --discovery, --config, or --username with an e-mail address of its domain")
	}
	if bad == nil && b.cfg.Target.Password.Value() == "" && e.cert == "" && !b.tokens && !signsIn(&b.cfg.Target) {
		bad = errors.New("the user's password is missing: set DMWAKE_PASSWORD")
	}
	if bad == nil && e.terms != "" && !b.tokens {
		bad = errors.New("--terms needs the token of a user: set --entra, or target.directory or target.hooks.token in --config")
	}
	if bad != nil {
		return usage(bad)
	}
	rows, err := e.chooseFrom(b, profiles, names)
	if err != nil {
		return err
	}
	return b.enrollAll(ctx, rows, e, len(names) == 0 && !e.resume)
}

// chooseFrom gives the devices to enroll: those that are named, those that are begun,
// or new ones.
func (e *enrollFlags) chooseFrom(b *bench, profiles []dmclient.Profile, names []string) (rows []row, err error) {
	switch {
	case e.resume:
		for _, r := range b.rows {
			if r.begun {
				rows = append(rows, r)
			}
		}
		return rows, nil
	case len(names) > 0:
		return b.choose(names)
	}
	if e.seed == 0 {
		e.seed = mathrand.Uint64()>>1 | 1 //nolint:gosec // identities of simulated devices
	}
	draw := mathrand.New(mathrand.NewPCG(e.seed, 2)) //nolint:gosec // as above
	for k := range e.count {
		id := dmclient.NewIdentity(draw)
		b.cfg.Target.Image.Apply(&id)
		e.image.Apply(&id)
		i, err := b.fleet.Add(profiles[k%len(profiles)], id)
		if err != nil {
			return nil, usage(err)
		}
		rows = append(rows, row{i: i, id: id.DeviceID, name: id.Name})
	}
	return rows, nil
}
