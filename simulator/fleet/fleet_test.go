package fleet

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	mathrand "math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/boltfile"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// pushes is a push service whose notifications the test sends.
type pushes struct {
	*fakewns.Server
	mu   sync.Mutex
	wake map[string]func([]byte) // by DeviceID
}

func (p *pushes) OpenChannel(ctx context.Context, device, pfn string, wake func([]byte)) (string, time.Time, error) {
	p.mu.Lock()
	p.wake[device] = wake
	p.mu.Unlock()
	return p.Server.OpenChannel(ctx, device, pfn, wake)
}

func (p *pushes) send(device, payload string) {
	p.mu.Lock()
	wake := p.wake[device]
	p.mu.Unlock()
	wake([]byte(payload))
}

// config is what reaches a reference server over real TLS.
func config(t testing.TB) (Config, *pushes) {
	t.Helper()
	front := httptest.NewUnstartedServer(nil)
	front.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.StartTLS()
	t.Cleanup(front.Close)
	server, err := mdmserver.New(mdmserver.Config{BaseURL: front.URL, Username: "demo@mdm.example", Password: "demo", PFN: fakewns.DefaultApp.PFN})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	front.Config.Handler = server
	roots := x509.NewCertPool()
	roots.AddCert(front.Certificate())
	p := &pushes{Server: fakewns.New(fakewns.Config{}), wake: map[string]func([]byte){}}
	return Config{Workers: 8, Device: dmclient.Config{
		Discovery: front.URL + mdmserver.DiscoveryPath, Username: "demo@mdm.example", Password: "demo", Roots: roots, NoRetry: true, WNS: p,
	}}, p
}

func identity(n int) dmclient.Identity {
	return dmclient.NewIdentity(mathrand.New(mathrand.NewPCG(uint64(n), 7)))
}

// enrollAll fills a fleet with devices that are enrolled and had their first
// session.
func enrollAll(t testing.TB, f *Fleet, n int) {
	t.Helper()
	var all []int
	for k := range n {
		i, err := f.Add(dmclient.Win11(), identity(k))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, i)
	}
	for i, err := range f.Each(context.Background(), all, func(_ int, d *dmclient.Device) error {
		if err := d.Enroll(context.Background(), dmclient.EnrollOptions{}); err != nil {
			return err
		}
		_, err := d.Sync(context.Background(), dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
		return err
	}) {
		t.Fatalf("device %d: %v", i, err)
	}
}

func ctx(t *testing.T) context.Context {
	c, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return c
}

// TestRecordIsTheDevice: a device that was packed and made again is the same
// in everything that shows.
func TestRecordIsTheDevice(t *testing.T) {
	cfg, _ := config(t)
	f := New(cfg)
	enrollAll(t, f, 3)
	for i := range 3 {
		err := f.Do(ctx(t), i, func(d *dmclient.Device) error {
			for _, uri := range []string{"./User/Vendor/MSFT/VPNv2/My%20Home/NativeProfile/Servers", "./Vendor/MSFT/Policy/Config/Area/Name"} {
				d.Tree().Do(context.Background(), syncml.Add, uri, valueOf("v"))
			}
			d.Tree().Do(context.Background(), syncml.Exec, "./Vendor/MSFT/Reboot/RebootNow", valueOf(""))
			if _, err := d.Sync(context.Background(), dmclient.SyncOptions{}); err != nil {
				return err
			}
			for name, p := range map[string]dmclient.Packing{"fleet": f.packing, "file": {}} {
				record, err := d.Pack(p)
				if err != nil {
					return err
				}
				again, err := dmclient.Unpack(f.config(i), p, record)
				if err != nil {
					return err
				}
				a, b := shown(d), shown(again)
				for what := range a {
					if !reflect.DeepEqual(a[what], b[what]) {
						t.Errorf("%s: %s was\n%+v\nis\n%+v", name, what, a[what], b[what])
					}
				}
				second, err := again.Pack(p)
				if err != nil || name == "file" && !bytes.Equal(second, record) {
					t.Errorf("%s: packed again it is another record (%v)", name, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func shown(d *dmclient.Device) map[string]any {
	next, _ := d.Next()
	cert := d.Certificate()
	key, _ := cert.PrivateKey.(crypto.Signer)
	return map[string]any{
		"identity": d.Identity(), "profile": d.Profile(), "state": d.State(), "tree": d.Tree().Overlay(), "channel": d.ChannelURI(), "pfn": d.PFN(),
		"address": d.Address(), "provider": d.Provider(), "inventory": fmt.Sprintf("%+v", d.Inventory()), "login": d.LoggedIn(),
		"next": next.What + next.At.UTC().Truncate(time.Millisecond).String(), "cert": cert.Certificate, "key": fmt.Sprint(key.Public()),
	}
}

func TestDamagedRecords(t *testing.T) {
	cfg, _ := config(t)
	f := New(cfg)
	enrollAll(t, f, 1)
	var record []byte
	err := f.Do(ctx(t), 0, func(d *dmclient.Device) (err error) { record, err = d.Pack(dmclient.Packing{}); return err })
	if err != nil {
		t.Fatal(err)
	}
	for n := range record {
		if _, err := dmclient.Unpack(f.config(0), dmclient.Packing{}, record[:n]); err == nil {
			t.Fatalf("%d of %d bytes made a device", n, len(record))
		}
	}
	if _, err := f.Restore([]byte{9}, nil); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Errorf("another version: %v", err)
	}
	if f.Len() != 1 {
		t.Errorf("a record that was refused left a device: %d", f.Len())
	}
	if err := f.Do(ctx(t), 5, nil); err == nil {
		t.Error("Do on the missing device 5 succeeded")
	}
}

// TestRun: pushes wake the devices they are for, and the schedule polls.
func TestRun(t *testing.T) {
	cfg, p := config(t)
	clock := dmclient.NewVirtualClock(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	var byPush, byPlan atomic.Int64
	cfg.Device.Clock = clock
	cfg.OnSession = func(_ *dmclient.Device, s *dmclient.Session, err error) {
		switch {
		case err != nil:
			t.Errorf("a session: %v", err)
		case s.Origin == dmclient.OriginPush:
			byPush.Add(1)
		default:
			byPlan.Add(1)
		}
	}
	f := New(cfg)
	const n = 40
	enrollAll(t, f, n)
	p.send(identity(0).DeviceID, "before Run")
	running, cancel := context.WithCancel(ctx(t))
	done := make(chan error, 1)
	go func() { done <- f.Run(running) }()
	for k := 1; k < n; k++ {
		p.send(identity(k).DeviceID, "x")
	}
	await(t, func() bool { return byPush.Load() == n }, "a session for every push")
	p.send(identity(3).DeviceID, "")
	clock.Advance(15 * time.Minute)
	await(t, func() bool { return byPlan.Load() == n }, "a poll of every device")
	st := f.Stats()
	if st.Pushes != n || st.Refused != 1 || st.Polls != n || st.Sessions != 2*n || st.Failed != 0 || st.Enrolled != n {
		t.Errorf("%+v", st)
	}
	if err := f.Run(running); err == nil {
		t.Error("a fleet runs once at a time")
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func await(t *testing.T, cond func() bool, what string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// TestStore: a fleet survives in a file, with RSA keys that its devices share.
func TestStore(t *testing.T) {
	cfg, _ := config(t)
	cfg.Device.Key = enroll.NewKeyPool(1).Key
	f := New(cfg)
	enrollAll(t, f, 3)
	path := filepath.Join(t.TempDir(), "sub", "devices.db")
	store, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := f.Do(ctx(t), i, func(d *dmclient.Device) error { return store.Keep(d, "text") }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "in use by another dmwake") {
		t.Errorf("opened twice: %v", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if store, err = Open(path); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	again := New(cfg)
	if err := store.Each(func(e Entry) error { _, err := again.Restore(e.Record, store); return err }); err != nil {
		t.Fatal(err)
	}
	if again.Len() != 3 {
		t.Fatalf("%d devices came back", again.Len())
	}
	for i := range 3 {
		if err := again.Do(ctx(t), i, func(d *dmclient.Device) error { _, err := d.Sync(ctx(t), dmclient.SyncOptions{}); return err }); err != nil {
			t.Errorf("device %d: %v", i, err)
		}
	}
	if text, err := store.Transcript(identity(0).DeviceID); err != nil || text != "text" {
		t.Errorf("%q, %v", text, err)
	}
	if err := store.Delete(identity(0).DeviceID); err != nil {
		t.Fatal(err)
	}
	left := 0
	if err := store.Each(func(Entry) error { left++; return nil }); err != nil || left != 2 {
		t.Errorf("%d devices left, %v", left, err)
	}
	// A damaged file may lose a key; its device can be seen, and enrolled again.
	if err := store.file.Update(func(tx *boltfile.Tx) error {
		var ref []byte
		err := tx.Each(keysBucket, func(k, _ []byte) error { ref = append([]byte(nil), k...); return nil })
		return errors.Join(err, tx.Delete(keysBucket, ref))
	}); err != nil {
		t.Fatal(err)
	}
	lost := New(cfg)
	if err := store.Each(func(e Entry) error { _, err := lost.Restore(e.Record, store); return err }); err != nil {
		t.Fatal(err)
	}
	if err := lost.Do(ctx(t), 0, func(d *dmclient.Device) error {
		if _, err := d.Sync(ctx(t), dmclient.SyncOptions{}); !errors.Is(err, dmclient.ErrNoKey) {
			t.Errorf("a session without the key: %v", err)
		}
		if err := d.Renew(ctx(t)); !errors.Is(err, dmclient.ErrNoKey) {
			t.Errorf("a renewal without the key: %v", err)
		}
		if err := d.Enroll(ctx(t), dmclient.EnrollOptions{Again: true}); err != nil {
			return err
		}
		_, err := d.Sync(ctx(t), dmclient.SyncOptions{})
		return err
	}); err != nil {
		t.Error(err)
	}
	other := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(other, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(other); err == nil || !strings.Contains(err.Error(), "not a dmwake state file") {
		t.Errorf("another file: %v", err)
	}
}
