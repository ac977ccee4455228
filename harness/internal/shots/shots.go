// Package shots has no code: its test makes the pictures of README and documents
// (make shots), and checks that those which they name are there.
package shots
