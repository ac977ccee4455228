package shots

import "time"

// shot is a picture: a page of the browser, or a terminal.
type shot struct {
	name          string // of the file, without .png
	width, height int64  // of the page in pixels; of the terminal in columns and rows

	// page gives the URL of a page.
	page func(*stage) string
	// run is a command in a terminal, which also gets the flags that only say where things
	// are; until is what the terminal shows when the picture is taken, empty for the
	// command's end.
	run   []string
	flags func(*stage) []string
	until string
	// meanwhile is done once the terminal shows "before". If enough is given, Ctrl-C is typed
	// once the terminal shows that.
	before    string
	meanwhile func(*stage)
	enough    string
}

// list is all pictures.
var list = []shot{
	{name: "report", width: 1100, height: 760, page: (*stage).report},
	{name: "test", width: 80, height: 30, run: []string{"test", "--area", "PFN,WNS", "--mutant", "wns-content-type", "--seed", "7"}},
	{name: "lab", width: 80, height: 20, run: []string{"lab"}, flags: (*stage).labFlags, enough: "neither cache", before: "ready; Ctrl-C", meanwhile: (*stage).notify, until: "rules       broken"},
	{name: "console", width: 1100, height: 700, page: (*stage).console},
	{name: "session", width: 1100, height: 820, page: (*stage).session},
	{name: "device-run", width: 80, height: 12, run: []string{"device", "run"}, flags: (*stage).deviceFlags, before: "8 of 8 enrolled", meanwhile: (*stage).push, until: "2 pushes"},
}

// patience is how long a picture may take.
const patience = 30 * time.Second
