package cli

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

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
	f.serverFlags(fl)
	f.quirkFlag(fl)
	return c
}

func runAdopt(ctx context.Context, s *streams, f *deviceFlags, a *adoptFlags) error {
	if a.cert == "" || a.key == "" {
		return usage(errors.New("--cert and --key are required: the device's client certificate and its key, in PEM"))
	}
	pair, err := bounded.KeyPair(a.cert, a.key)
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
	f.creates = true
	b, err := f.open(s, nil)
	if err != nil {
		return err
	}
	defer b.close()
	id := dmclient.NewIdentity(mathrand.New(mathrand.NewPCG(mathrand.Uint64(), 2))) //nolint:gosec // as above
	if a.deviceID != "" {
		id.DeviceID = a.deviceID
	}
	if slices.ContainsFunc(b.rows, func(r row) bool { return strings.EqualFold(r.id, id.DeviceID) }) {
		return usage(fmt.Errorf("%s has a device with the DeviceID %s already; remove it first with dmwake device wipe --forget %s", f.state, id.DeviceID, id.DeviceID))
	}
	i, err := b.fleet.Add(profiles[0], id)
	if err != nil {
		return usage(err)
	}
	err = b.fleet.Do(ctx, i, func(d *dmclient.Device) error {
		if err := d.Adopt(dmclient.Provisioned{ServerURL: a.server, ProviderID: a.provider, Certificate: pair.Certificate[0], Key: key, EnrollmentURL: a.renew}); err != nil {
			return err
		}
		return b.store.Keep(d, "")
	})
	if err != nil {
		return usage(err)
	}
	b.print.line("%s  %s adopted, stored in %s", id.Name, id.DeviceID, f.state)
	return nil
}
