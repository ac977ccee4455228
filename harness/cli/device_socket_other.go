//go:build !unix

package cli

import "net"

// listenPrivate makes a socket. Who may use it follows from its folder.
func listenPrivate(path string) (net.Listener, error) { return net.Listen("unix", path) }
