package paste

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
)

// put writes another word of the same kind over a word: letters for letters, digits
// for digits, hexadecimal for hexadecimal, in the same case.
func (a *anonymizer) put(word []byte, done []bool) {
	copy(word, a.other(string(word)))
	for i := range done {
		done[i] = true
	}
}

// alphabet of a publisher's hash in a PFN (Learn, "Package identity overview").
const publisher = "0123456789abcdefghjkmnpqrstvwxyz"

const hexDigits = "0123456789abcdef"

// other is the word that takes the place of one.
func (a *anonymizer) other(word string) string {
	low := strings.ToLower(word)
	if len(low) != len(word) {
		low = word
	}
	hexadecimal, hash := len(low) >= 8, len(low) == 13
	for i := 0; i < len(low); i++ {
		hexadecimal = hexadecimal && isHex(low[i])
		hash = hash && strings.IndexByte(publisher, low[i]) >= 0
	}
	for try := byte(0); ; try++ {
		out := a.draw(low, try, hexadecimal, hash)
		if out != low || try == 16 {
			return cased(word, out)
		}
	}
}

// draw makes a word of another; it is the same for the same word and key.
func (a *anonymizer) draw(low string, try byte, hexadecimal, hash bool) string {
	out := make([]byte, 0, len(low))
	for block := byte(0); len(out) < len(low); block++ {
		h := hmac.New(sha256.New, a.key)
		h.Write([]byte{try, block, byte(len(out) >> 8), byte(len(out) >> 16)}) //nolint:gosec // only to differ
		h.Write([]byte(low))
		for _, b := range h.Sum(nil) {
			if len(out) == len(low) {
				break
			}
			out = append(out, char(low[len(out)], b, hexadecimal, hash))
		}
	}
	return string(out)
}

// char draws a character in place of another.
func char(c, b byte, hexadecimal, hash bool) byte {
	switch {
	case hexadecimal && !isDigit(c) || hexadecimal && b&1 == 0:
		return hexDigits[b>>4]
	case isDigit(c):
		return '0' + b%10
	case hash:
		return publisher[10+int(b)%(len(publisher)-10)]
	case c >= 'a' && c <= 'z':
		return 'a' + b%26
	}
	return c // part of a character beyond ASCII
}

// cased gives a drawn word the case of the one that it replaces.
func cased(word, out string) string {
	b := []byte(out)
	upper := word == strings.ToUpper(word)
	for i := range b {
		if b[i] >= 'a' && b[i] <= 'z' && (word[i] >= 'A' && word[i] <= 'Z' || isDigit(word[i]) && upper) {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}
