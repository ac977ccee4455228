// Package example is a worked example: the tests that an MDM server written in
// Go would keep beside its own code. They need no Windows, no Microsoft account
// and no network; read mdm_test.go and put your server in the place of
// newServer.
package example
