// Package newcomer does what README says, as somebody who has only README would: its
// tests take the commands out of README's own blocks, run them, and compare what is
// printed with what README shows.
package newcomer
