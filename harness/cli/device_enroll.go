package cli

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"slices"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

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
	again         bool
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

--hwdevid, --serial and --name give all devices the same values, like machines cloned
from one image; target.image in --config does the same.

With --config devices enroll as in a test: they sign in as target.signin,
target.certificate and the token hook say, at target.pace, with target.quirks; the
enrolled hook runs (and lookup, if it uses .ServerID). Other hooks have no part in it.`,
		RunE: func(c *cobra.Command, args []string) error { return runEnroll(c.Context(), s, f, &e, args) },
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
	complete(c, "attestation", func() (out []string) {
		for _, a := range dmclient.Attestations() {
			out = append(out, string(a))
		}
		return out
	})
	complete(c, "profile", func() (out []string) {
		for _, p := range dmclient.Profiles() {
			out = append(out, p.Name+"\t"+p.Platform)
		}
		return out
	})
	tokenKindFlag(c, &f.tokenKind)
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
		pair, err := tls.LoadX509KeyPair(e.cert, e.certKey)
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
	f.directory = &directoryFlags{listen: e.entra, tenant: e.tenant, audience: e.audience}
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
	if len(names) > 0 {
		rows, err := b.choose(names)
		if err != nil {
			return err
		}
		return b.enrollAll(ctx, numbers(rows), e)
	}
	if e.again {
		return usage(errors.New("--again needs the devices to enroll; dmwake device list shows them"))
	}
	if e.seed == 0 {
		e.seed = mathrand.Uint64()>>1 | 1 //nolint:gosec // identities of simulated devices
	}
	draw := mathrand.New(mathrand.NewPCG(e.seed, 2)) //nolint:gosec // as above
	var all []int
	for k := range e.count {
		id := dmclient.NewIdentity(draw)
		b.cfg.Target.Image.Apply(&id)
		e.image.Apply(&id)
		i, err := b.fleet.Add(profiles[k%len(profiles)], id)
		if err != nil {
			return usage(err)
		}
		all = append(all, i)
	}
	return b.enrollAll(ctx, all, e)
}

// enrollAll enrolls devices and stores the enrolled ones, even if others fail
// or the command is interrupted.
func (b *bench) enrollAll(ctx context.Context, all []int, e *enrollFlags) error {
	step := b.progress("enrolled", len(all))
	failed := b.fleet.Each(ctx, all, func(_ int, d *dmclient.Device) error {
		defer step()
		if err := d.Enroll(ctx, dmclient.EnrollOptions{PlainCSR: e.plain, Again: e.again}); err != nil {
			return err
		}
		e.admission.enrolled(ctx, b, d)
		if len(all) <= 20 && !b.f.verbose {
			b.print.line("%-16s %s  %s enrolled at %s", d.Identity().Name, d.Identity().DeviceID, d.Profile().Name, d.Address())
		}
		if e.noSync {
			return nil
		}
		s, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
		b.held(d, s, err)
		e.admission.hadSession(ctx, b, d, s)
		if err != nil {
			b.print.line("%-16s enrolled, but its first session failed: %v", d.Identity().Name, err)
		}
		return nil
	})
	var done []int
	for _, i := range all {
		if failed[i] == nil {
			done = append(done, i)
		}
	}
	if err := b.save(done); err != nil {
		return err
	}
	b.print.line("%s enrolled, stored in %s", plural(len(done), "device"), b.f.state)
	if err := b.outcome(ctx, len(all), failed, "be enrolled"); err != nil {
		return err
	}
	return e.admission.outcome()
}

// progress shows a bar on a terminal only.
func (b *bench) progress(what string, total int) (step func()) {
	if total < 20 || b.f.verbose || !color(b.s.err) {
		return func() {}
	}
	p := mpb.New(mpb.WithOutput(b.s.err), mpb.WithWidth(40))
	bar := p.AddBar(int64(total), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.CountersNoUnit(what+" %d / %d ")),
		mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s "), decor.AverageETA(decor.ET_STYLE_GO)))
	return bar.Increment
}

type adoptFlags struct {
	server, provider string
	cert, key        string
	deviceID, renew  string
	profile          string
}

func adoptCommand(s *streams, f *deviceFlags) *cobra.Command {
	var a adoptFlags
	c := &cobra.Command{
		Use:   "adopt",
		Short: "Add a device that is already enrolled",
		Long: `Adds a device that enrolled with another tool: its client certificate and key,
and the URL of its sessions.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runAdopt(c.Context(), s, f, &a) },
	}
	fl := c.Flags()
	fl.StringVar(&a.server, "server", "", "URL of the management server")
	fl.StringVar(&a.provider, "provider-id", "", "ProviderID of the account")
	fl.StringVar(&a.cert, "cert", "", "PEM file of the client certificate")
	fl.StringVar(&a.key, "key", "", "PEM file of its key")
	fl.StringVar(&a.deviceID, "device-id", "", "DeviceID that the server knows (default: random)")
	fl.StringVar(&a.renew, "enrollment-url", "", "where the certificate is renewed")
	fl.StringVar(&a.profile, "profile", "win11", "Windows version of the device")
	return c
}

func runAdopt(ctx context.Context, s *streams, f *deviceFlags, a *adoptFlags) error {
	if a.cert == "" || a.key == "" {
		return usage(errors.New("--cert and --key are required: the device's client certificate and its key, in PEM"))
	}
	pair, err := tls.LoadX509KeyPair(a.cert, a.key)
	if err != nil {
		return usage(fmt.Errorf("--cert: %w", err))
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return usage(fmt.Errorf("--key: a key of type %T cannot sign", pair.PrivateKey))
	}
	profiles, err := (&enrollFlags{profiles: []string{a.profile}}).chosen(&target.Target{}, f.quirks)
	if err != nil {
		return usage(err)
	}
	b, err := f.open(s, nil)
	if err != nil {
		return err
	}
	defer b.close()
	id := dmclient.NewIdentity(mathrand.New(mathrand.NewPCG(mathrand.Uint64(), 2))) //nolint:gosec // as above
	if a.deviceID != "" {
		id.DeviceID = a.deviceID
	}
	i, err := b.fleet.Add(profiles[0], id)
	if err != nil {
		return usage(err)
	}
	err = b.fleet.Do(ctx, i, func(d *dmclient.Device) error {
		return d.Adopt(dmclient.Provisioned{ServerURL: a.server, ProviderID: a.provider, Certificate: pair.Certificate[0], Key: key, EnrollmentURL: a.renew})
	})
	if err != nil {
		return usage(err)
	}
	if err := b.save([]int{i}); err != nil {
		return err
	}
	b.print.line("%s  %s adopted, stored in %s", id.Name, id.DeviceID, f.state)
	return nil
}
