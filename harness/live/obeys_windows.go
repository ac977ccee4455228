package live

import (
	"os"

	"golang.org/x/sys/windows"
)

// obeys makes a console obey sequences, which the older ones do only if they are told.
func obeys(f *os.File) bool {
	h, mode := windows.Handle(f.Fd()), uint32(0)
	if windows.GetConsoleMode(h, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
