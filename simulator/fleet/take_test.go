package fleet

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestFailedAdd: a device that cannot be made gets no number, and the next one
// works.
func TestFailedAdd(t *testing.T) {
	f := New(Config{Device: dmclient.Config{Discovery: "https://mdm.example/", EnrollmentType: "neither"}})
	if _, err := f.Add(dmclient.Win11(), identity(1)); err == nil {
		t.Fatal("a wrong EnrollmentType was accepted")
	}
	if f.Len() != 0 {
		t.Errorf("the failed Add left %d devices", f.Len())
	}
	f.cfg.Device.EnrollmentType = ""
	i, err := f.Add(dmclient.Win11(), identity(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Do(ctx(t), i, func(*dmclient.Device) error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestDoEndsWithItsContext: who waits for a busy device stops waiting when its
// context ends, and the device is free afterwards.
func TestDoEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(Config{Device: dmclient.Config{Discovery: "https://mdm.example/"}})
		i, err := f.Add(dmclient.Win11(), identity(1))
		if err != nil {
			t.Fatal(err)
		}
		busy, done := make(chan struct{}), make(chan error, 1)
		go func() { done <- f.Do(t.Context(), i, func(*dmclient.Device) error { <-busy; return nil }) }()
		synctest.Wait()
		waiting, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Do(waiting, i, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Do beside a busy device gave %v", err)
		}
		close(busy)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := f.Do(waiting, i, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Do with an ended context gave %v", err)
		}
		if err := f.Do(t.Context(), i, func(*dmclient.Device) error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

// TestAddBesideFailedRestores: a Restore that fails takes no other device with it.
func TestAddBesideFailedRestores(t *testing.T) {
	f := New(Config{Device: dmclient.Config{Discovery: "https://mdm.example/"}})
	const n = 200
	var numbers sync.Map
	var wg sync.WaitGroup
	for k := range n {
		wg.Go(func() {
			i, err := f.Add(dmclient.Win11(), identity(k))
			if err != nil {
				t.Error(err)
			}
			numbers.Store(i, identity(k).DeviceID)
		})
		wg.Go(func() {
			if _, err := f.Restore([]byte{9}, nil); err == nil {
				t.Error("a damaged record was restored")
			}
		})
	}
	wg.Wait()
	if f.Len() != n {
		t.Fatalf("%d devices are left of %d", f.Len(), n)
	}
	for i := range n {
		if err := f.Do(ctx(t), i, func(d *dmclient.Device) error {
			if want, _ := numbers.Load(i); want != d.Identity().DeviceID {
				t.Errorf("device %d is %s, Add said %v", i, d.Identity().DeviceID, want)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}
