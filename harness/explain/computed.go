package explain

import "fmt"

const (
	syncMLFacility = 0x87d10000 // consoles add the SyncML status to it
	win32Facility  = 0x80070000 // an error of Windows, as an HRESULT
	winhttpFirst   = 12000      // of WinHTTP's errors
	winhttpLast    = 12999
)

// computed explains numbers that are the beginning of a family plus a number that
// is known from elsewhere.
func computed(n uint32) (f Found, ok bool) {
	low := int(n & 0xffff)
	switch n & 0xffff0000 {
	case httpFacility:
		if low >= 100 && low < 600 {
			return Found{Where: whereHTTP, Code: hex(n), Answer: ofHTTP(low)}, true
		}
		// Windows was seen to put WinHTTP's errors into this family, too:
		// 0x80192ee2 (windows-itpro-docs issue 2219).
		if a, known := connection[win32Facility+uint32(low)]; known && low >= winhttpFirst {
			a.Means += fmt.Sprintf(" It is %s, as the enrollment client shows it.", hex(win32Facility+uint32(low)))
			a.Source, a.Strength = winhttp, Seen
			return Found{Where: whereConnect, Code: hex(n), Answer: a}, true
		}
	case win32Facility:
		if low >= winhttpFirst && low <= winhttpLast {
			return Found{Where: whereConnect, Code: hex(n), Answer: Answer{Means: fmt.Sprintf("WinHTTP's error %d: the connection to the server failed.", low),
				Do: []string{"Look the number up on the page."}, Source: winhttp, Strength: Documented}}, true
		}
		return Found{Where: whereWindows, Code: hex(n), unspecific: true, Answer: Answer{Means: fmt.Sprintf("Windows' system error %d; nothing more is known of it on this path.", low),
			Do: []string{fmt.Sprintf("net helpmsg %d on a Windows says its text.", low)}, Source: system, Strength: Documented}}, true
	}
	return Found{}, false
}
