// Package example shows the catalogue as part of a server's own tests: as
// subtests of go test, and as specs of a Ginkgo suite. Its tests run both
// against the reference server; yours would start your server in their place.
package example
