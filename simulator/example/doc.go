// Package example shows the tests that an MDM server written in Go would keep next to
// its own code. They need no Windows, no Microsoft account and no network. Read
// mdm_test.go and replace newServer with your server.
package example
