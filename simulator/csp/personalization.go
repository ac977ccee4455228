package csp

import "unicode/utf8"

// companyName refuses a name that is empty or has more than 30 letters (DDF of
// Personalization).
func companyName(_ *Call, v string) int {
	if n := utf8.RuneCountInString(v); n < 1 || n > 30 {
		return 500
	}
	return 200
}
