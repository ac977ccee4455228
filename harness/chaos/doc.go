// Package chaos has no code: its tests kill the program, fill its disk and damage its
// files, and count what is left. "go test ./harness/chaos" runs a sample of them,
// with -chaos all.
package chaos
