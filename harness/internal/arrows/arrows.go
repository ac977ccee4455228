// Package arrows has no code: its test holds the arrows between the packages of
// this module.
package arrows
