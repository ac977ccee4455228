package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// listed is a device in "list --json".
type listed struct {
	Number   int      `json:"number"`
	DeviceID string   `json:"deviceID"`
	Name     string   `json:"name"`
	Profile  string   `json:"profile"`
	Quirks   []string `json:"quirks"`
	State    string   `json:"state"`
	Server   string   `json:"server"`
	Provider string   `json:"provider"`
	PFN      string   `json:"pfn"`
	Push     string   `json:"push"` // Push/Status
	Next     string   `json:"next"`
}

func describeDevice(d *dmclient.Device) listed {
	l := listed{DeviceID: d.Identity().DeviceID, Name: d.Identity().Name, Profile: d.Profile().Name, Quirks: d.Profile().Quirks.Active(),
		State: d.State().String(), Server: d.Address(), Provider: d.Provider(), PFN: d.PFN()}
	if l.State == dmclient.Enrolled.String() {
		l.Push, _ = d.Tree().Look(d.PushURI() + "/Status")
	}
	if next, ok := d.Next(); ok {
		l.Next = next.What + " at " + next.At.UTC().Format("2006-01-02 15:04 UTC")
	}
	return l
}

func listCommand(s *streams, f *deviceFlags) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the devices",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.ask(c, s, errand{Command: "list", JSON: asJSON})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	f.fileFlag(c.Flags())
	return c
}

// begunState is the state of a device that is only begun.
const begunState = "begun"

// list prints the devices as the file has them.
func (b *bench) list(a errand) error {
	var all []listed
	err := b.store.Each(func(e fleet.Entry) error {
		d, err := b.stored(e)
		if err != nil {
			return err
		}
		l := describeDevice(d)
		if l.Number = e.Number; e.Begun {
			l.State = begunState
		}
		all = append(all, l)
		return nil
	})
	if err != nil {
		return usage(err)
	}
	return b.printList(all, a.JSON)
}

func (b *bench) printList(all []listed, asJSON bool) error {
	out := b.s.out
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(append([]listed{}, all...)) // [], not null
	}
	if len(all) == 0 {
		say(out, "%s has no devices; enroll some with dmwake device enroll\n", b.f.state)
		return nil
	}
	begun := 0
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "#\tNAME\tDEVICEID\tPROFILE\tSTATE\tPUSH\tNEXT")
	for _, d := range all {
		say(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Number, d.Name, d.DeviceID, d.Profile, d.State, d.Push, d.Next)
		if d.State == begunState {
			begun++
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if begun > 0 {
		fmt.Fprintf(out, "%s begun: the enrollment did not end; dmwake device enroll --resume goes on\n", wording.Count(begun, "device"))
	}
	return nil
}

// stored makes a device to look at from the file.
func (b *bench) stored(e fleet.Entry) (*dmclient.Device, error) {
	dev := b.dev
	dev.WNS, dev.Persist = unattended{}, nil
	d, err := b.store.Unpack(dev, e.Record)
	if err != nil {
		return nil, fmt.Errorf("%s: device %s: %w", b.f.state, e.DeviceID, err)
	}
	return d, nil
}

func showCommand(s *streams, f *deviceFlags) *cobra.Command {
	var path string
	var noTranscript bool
	c := &cobra.Command{
		Use:   "show DEVICE",
		Short: "Show a device: what was done to it, its tree, its last session",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("name one device; dmwake device list shows them all"))
			}
			return f.ask(c, s, errand{Command: "show", Devices: args, Path: path, NoTranscript: noTranscript})
		},
	}
	c.Flags().StringVar(&path, "path", "", "show only this part of the management tree, such as ./Vendor/MSFT/VPNv2")
	c.Flags().BoolVar(&noTranscript, "no-transcript", false, "omit the last session")
	f.treeFlags(c.Flags())
	c.Flags().BoolVar(&f.reveal, "reveal", false, "show secrets, too")
	return c
}

// showOne prints a device as the file has it.
func (b *bench) showOne(a errand) error {
	rows, err := b.choose(a.Devices)
	if err != nil {
		return err
	}
	return b.store.Each(func(e fleet.Entry) error {
		if e.DeviceID != rows[0].id {
			return nil
		}
		d, err := b.stored(e)
		if err != nil {
			return usage(err)
		}
		return b.show(d, a.Path, !a.NoTranscript)
	})
}

func (b *bench) show(d *dmclient.Device, path string, withTranscript bool) error {
	out := b.s.out
	if path != "" {
		list := d.Tree().List(path)
		if len(list) == 0 {
			return usage(fmt.Errorf("this device has no node %s", path))
		}
		for _, l := range list {
			put(out, "%s\n", strings.TrimRight(fmt.Sprintf("%-80s %-5s %s", b.shown(l.LocURI), l.Format, report.Clip(b.value(l.LocURI, l.Data), 200)), " "))
		}
		return nil
	}
	l, inv := describeDevice(d), d.Inventory()
	say(out, "%s  %s  %s\nstate      %s\n", l.Name, l.DeviceID, l.Profile, l.State)
	for _, v := range [][2]string{{"quirks", strings.Join(l.Quirks, ", ")}, {"server", l.Server}, {"provider", l.Provider}, {"PFN", l.PFN}, {"Push/Status", l.Push},
		{"channel", d.ChannelURI()}, {"next", l.Next}, {"logged in", string(d.LoggedIn())}} {
		if v[1] != "" {
			put(out, "%-10s %s\n", v[0], b.shown(v[1]))
		}
	}
	showTokens(out, d, time.Now())
	showPage(out, d.StatusPage())
	if n := inv.Life.NotWiped; n != "" {
		say(out, "wipe       %s was answered with 200 and rolled back\n", n)
	}
	if n := inv.Life; n.Locks+n.Reboots+n.Finds > 0 || n.Wiped != "" {
		say(out, "life       locked %d times, rebooted %d, located %d, wiped: %s\n", n.Locks, n.Reboots, n.Finds, n.Wiped)
	}
	for _, k := range []struct {
		name  string
		items []string
	}{{"VPN", inv.VPNs}, {"Wi-Fi", inv.WiFi}, {"cert", inv.Certificates}, {"app", inv.Apps}, {"policy", inv.Policies}, {"work", inv.Work}, {"linked", inv.Linked}} {
		for _, it := range k.items {
			put(out, "%-10s %s\n", k.name, report.Clip(b.shown(it), 120))
		}
	}
	if !withTranscript {
		return nil
	}
	text, err := b.store.Transcript(l.DeviceID)
	if err != nil || text == "" {
		fmt.Fprintln(out, "\nno session is kept")
		return err
	}
	fmt.Fprintf(out, "\n%s", redact.Text(text)) // kept by an older dmwake, perhaps
	return nil
}

// showPage prints the Enrollment Status Page that the device's user sees, if any.
func showPage(out io.Writer, p dmclient.StatusPage) {
	if p.Phase == "" {
		return
	}
	leave := "the user can leave it"
	if p.Blocks {
		leave = "it blocks the device"
	}
	say(out, "page       Enrollment Status Page, %s, since %s; %s\n", p.Phase, p.Since.UTC().Format("15:04 UTC"), leave)
	if p.Failed != "" {
		say(out, "  failed   %s\n", p.Failed)
		for _, v := range [][2]string{{"says", p.ErrorText}, {"offers", strings.Join(p.Buttons, ", ")}} {
			if v[1] != "" {
				say(out, "  %-8s %s\n", v[0], v[1])
			}
		}
		return
	}
	say(out, "  fails    at %s\n", p.TimeOut.UTC().Format("15:04 UTC"))
	for _, w := range p.Waits {
		say(out, "  waits    %s\n", report.Clip(w, 120))
	}
	for _, c := range p.Progress {
		say(out, "  counts   %s\n", c)
	}
}

func setCommand(s *streams, f *deviceFlags) *cobra.Command {
	c := &cobra.Command{
		Use:   "set DEVICE NODE=VALUE...",
		Short: "Change a device from within: a node of its tree, who is logged in, its power",
		Long: `Changes a device as its user or its hardware would:

  dmwake device set 1 ./DevDetail/Ext/Microsoft/DeviceName=PC-1
  dmwake device set 1 login=none        user, others or none
  dmwake device set 1 power=saver       normal, saver, limited or off`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage(errors.New("name a device and a change, such as ./Vendor/MSFT/Policy/Config/Area/Name=1"))
			}
			b, err := f.open(s, nil)
			if err != nil {
				return err
			}
			defer b.close()
			rows, err := b.choose(args[:1])
			if err != nil {
				return err
			}
			err = b.fleet.Do(c.Context(), rows[0].i, func(d *dmclient.Device) error {
				for _, a := range args[1:] {
					if err := change(d, a); err != nil {
						return err
					}
				}
				return b.store.Keep(d, "")
			})
			if err != nil {
				return usage(err)
			}
			return nil
		},
	}
	f.treeFlags(c.Flags())
	return c
}

func change(d *dmclient.Device, assignment string) error {
	node, value, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("%q is not of the form NODE=VALUE", assignment)
	}
	switch node {
	case "login":
		switch l := dmclient.Login(value); l {
		case dmclient.LoginUser, dmclient.LoginOthers, dmclient.LoginNone:
			d.SetLogin(l)
			return nil
		}
		return fmt.Errorf("login=%s: use user, others or none", value)
	case "power":
		p, ok := map[string]dmclient.Power{"normal": dmclient.PowerNormal, "saver": dmclient.PowerSaver, "limited": dmclient.PowerLimited, "off": dmclient.PowerOff}[value]
		if !ok {
			return fmt.Errorf("power=%s: use normal, saver, limited or off", value)
		}
		d.SetPower(p)
		return nil
	}
	if !d.Tree().Provision(node, value) {
		return fmt.Errorf("this device has no node %s", node)
	}
	return nil
}

func unenrollCommand(s *streams, f *deviceFlags) *cobra.Command {
	c := leaveCommand(s, f, "unenroll", "Disconnect devices as their users do: the server is told", func(ctx context.Context, b *bench, d *dmclient.Device) error {
		session, err := d.Unenroll(ctx)
		b.held(d, session, err)
		return err
	})
	f.sessionFlags(c)
	return c
}

func wipeCommand(s *streams, f *deviceFlags) *cobra.Command {
	c := leaveCommand(s, f, "wipe", "Reset devices as their users do: the server is not told", func(_ context.Context, _ *bench, d *dmclient.Device) error {
		d.Wipe()
		return nil
	})
	f.treeFlags(c.Flags())
	return c
}

func leaveCommand(s *streams, f *deviceFlags, use, short string, leave func(context.Context, *bench, *dmclient.Device) error) *cobra.Command {
	var all, forget bool
	c := &cobra.Command{
		Use:   use + " DEVICE...",
		Short: short,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 && !all {
				return usage(fmt.Errorf("name the devices to %s, or use --all", use))
			}
			ctx := c.Context()
			b, err := f.open(s, nil)
			if err != nil {
				return err
			}
			defer b.close()
			rows, err := b.choose(args)
			if err != nil {
				return err
			}
			failed := b.fleet.Each(ctx, indexes(rows), func(_ int, d *dmclient.Device) error {
				err := leave(ctx, b, d)
				b.keep(d, nil)
				return err
			})
			if err := b.rest(); err != nil {
				return err
			}
			var gone []string
			for _, r := range rows {
				if forget && failed[r.i] == nil {
					gone = append(gone, r.id)
				}
			}
			if err := b.store.Delete(gone...); err != nil {
				return usage(err)
			}
			b.print.line("%s: %s", use, wording.Count(len(rows)-len(failed), "device"))
			return b.outcome(ctx, len(rows), failed, use)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "all devices of the file")
	c.Flags().BoolVar(&forget, "forget", false, "also remove them from the file")
	return c
}
