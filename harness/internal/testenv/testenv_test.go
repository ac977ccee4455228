package testenv

import (
	"net"
	"testing"
)

// TestAddr: many addresses, all different, all to be listened at, none from the
// range of connections' local ends.
func TestAddr(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		addr := Addr(t)
		if seen[addr] {
			t.Fatalf("%s was given twice", addr)
		}
		seen[addr] = true
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		first := firstEphemeral()
		if port := ln.Addr().(*net.TCPAddr).Port; port < lowest || port > highest || first > lowest+1000 && port >= first {
			t.Errorf("%s is of the range that begins at %d", addr, first)
		}
	}
}
