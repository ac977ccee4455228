package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/dmwake/dmwake/harness/target"
)

// portsFile keeps, beside the CA, the ports that auto chose.
const portsFile = "ports.json"

// keptPorts are the ports that auto chose, by configuration key. They stay the same
// from run to run: the server under test gets its environment before the run.
type keptPorts struct {
	file string
	of   map[string]int
}

func loadPorts(dir string) (*keptPorts, error) {
	k := &keptPorts{file: filepath.Join(dir, portsFile), of: map[string]int{}}
	raw, err := os.ReadFile(k.file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return k, nil
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EINVAL):
		return nil, fmt.Errorf("%s is no folder; name one for the lab's CA and ports (--ca-dir, wns.ca_dir)", dir)
	case err == nil && json.Unmarshal(raw, &k.of) != nil:
		err = errors.New("it has other contents")
	}
	for key, port := range k.of {
		if port < 1 || port > 65535 {
			err = fmt.Errorf("%s: %d is not a port", key, port)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s, the ports that auto chose, cannot be used: %w; delete it", k.file, err)
	}
	return k, nil
}

// isAuto reports whether an address leaves its port to dmwake.
func isAuto(addr string) bool {
	return addr == target.AutoPort || strings.HasSuffix(addr, ":"+target.AutoPort)
}

// address is an address that auto chose before; empty if it did not.
func (k *keptPorts) address(key, addr string) string {
	port, known := k.of[key]
	if !known || !isAuto(addr) {
		return ""
	}
	host, _, err := net.SplitHostPort(Address(addr))
	if err != nil {
		return ""
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// keep remembers the ports of new listeners with automatic addresses.
func (k *keptPorts) keep(open Listeners, want [][2]string) error {
	was := maps.Clone(k.of)
	for _, w := range want {
		ln := open[w[0]]
		if _, known := k.of[w[0]]; known || ln == nil || !isAuto(w[1]) {
			continue
		}
		if at, ok := ln.Addr().(*net.TCPAddr); ok {
			k.of[w[0]] = at.Port
		}
	}
	if maps.Equal(was, k.of) {
		return nil
	}
	raw, err := json.Marshal(k.of)
	if err == nil {
		err = os.WriteFile(k.file, append(raw, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("the ports that auto chose cannot be kept: %w", err)
	}
	return nil
}

// listenKept is ListenAll, but auto first tries the ports of earlier runs. moved says
// which of those are in use.
func listenKept(k *keptPorts, want ...[2]string) (open Listeners, moved []string, err error) {
	tried := func(w [2]string) bool { return k.address(w[0], w[1]) != "" }
	open, err = ListenAll(slices.DeleteFunc(slices.Clone(want), tried)...)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range want {
		before := k.address(w[0], w[1])
		if before == "" {
			continue
		}
		ln, err := net.Listen("tcp", before)
		if err != nil {
			if ln, err = Listen(w[0], w[1]); err != nil {
				open.Close()
				return nil, nil, err
			}
			moved = append(moved, fmt.Sprintf("%s: %s, which auto chose before, is in use; this run uses %s, and a server that was set up for the first one does not reach it", w[0], before, ln.Addr()))
		}
		open[w[0]] = ln
	}
	return open, moved, nil
}

// MovedDo tells the user what to do about Moved.
const MovedDo = "stop the program that uses the port, or delete " + portsFile + " in wns.ca_dir and set the server up again"

// Moved says which listeners are not where auto put them in earlier runs.
func (l *Lab) Moved() []string { return l.moved }

// FixPorts replaces automatic addresses of the WNS section with the ones that the next
// runs will use. It chooses them if no run has.
func FixPorts(w *target.WNS) error {
	if err := w.Fixed(); err != nil {
		return err
	}
	k, err := loadPorts(w.CADir)
	if err != nil {
		return err
	}
	want := [][2]string{{wnsListener, w.Listen}, {proxyListener, w.Proxy}}
	open, err := ListenAll(slices.DeleteFunc(slices.Clone(want), func(a [2]string) bool { return !isAuto(a[1]) || k.address(a[0], a[1]) != "" })...)
	if err != nil {
		return err
	}
	defer open.Close()
	if err := k.keep(open, want); err != nil {
		return err
	}
	for key, to := range map[string]*string{wnsListener: &w.Listen, proxyListener: &w.Proxy} {
		if chosen := k.address(key, *to); chosen != "" {
			*to = chosen
		}
	}
	return nil
}
