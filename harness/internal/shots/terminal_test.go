package shots

import (
	"fmt"
	"html"
	"image/color"
	"path/filepath"
	"slices"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"

	"github.com/dmwake/dmwake/harness/internal/tty"
)

// terminal runs a shot's command on a terminal, and gives the URL of a page that looks
// like it.
func (s *stage) terminal(shot shot) string {
	args := shot.run
	if shot.flags != nil {
		args = slices.Concat(args, shot.flags(s))
	}
	cmd := tty.Start(s.t, int(shot.width), int(shot.height), s.command(s.t.Context(), args...))
	if shot.before != "" {
		cmd.Await(shot.before, func(seen string) bool { return strings.Contains(seen, shot.before) })
		shot.meanwhile(s)
		if shot.enough != "" {
			cmd.Await(shot.enough, func(seen string) bool { return strings.Contains(seen, shot.enough) })
			cmd.Interrupt()
		}
	}
	if shot.until != "" {
		cmd.Await(shot.until, func(seen string) bool { return strings.Contains(seen, shot.until) })
	} else {
		cmd.End()
	}
	var lines []string
	cmd.Screen(func(e *vt.Emulator) { lines = cells(e) })
	if shot.enough == "" && shot.until != "" {
		cmd.Interrupt()
		cmd.End()
	}
	page := fmt.Sprintf(`<!doctype html><meta charset="utf-8"><title>%s</title><style>
body{margin:0;background:#fff}
main{display:inline-block;background:#16181d;color:#d7dae0;padding:14px 18px 16px;font:14px/1.3 "DejaVu Sans Mono",monospace;white-space:pre}
h1{font:inherit;color:#8b919c;margin:0 0 10px}
</style><main><h1>$ dmwake %s</h1>%s</main>`, shot.name, html.EscapeString(strings.Join(shot.run, " ")), strings.Join(lines, "\n"))
	s.file(shot.name+".html", page)
	return "file://" + filepath.Join(s.dir, shot.name+".html")
}

// theme has the colours that dmwake uses.
var theme = map[color.Color]string{ansi.Red: "#ff6b68", ansi.Green: "#5fd38d", ansi.Yellow: "#e5c07b", ansi.BrightBlack: "#8b919c"}

// cells gives the rows of a terminal as HTML, without the empty ones at the end.
func cells(e *vt.Emulator) (rows []string) {
	for y := range e.Height() {
		var row strings.Builder
		var style uv.Style
		open := false
		for x := 0; x < e.Width(); x++ {
			c := e.CellAt(x, y)
			if c == nil || c.Width == 0 {
				continue
			}
			if !c.Style.Equal(&style) {
				if open {
					row.WriteString("</span>")
				}
				style, open = c.Style, !c.Style.IsZero()
				if open {
					css := ""
					if style.Fg != nil {
						css = "color:" + theme[style.Fg] + ";"
					}
					if style.Attrs&uv.AttrBold != 0 {
						css += "font-weight:bold"
					}
					row.WriteString(`<span style="` + css + `">`)
				}
			}
			row.WriteString(html.EscapeString(c.Content))
		}
		if open {
			row.WriteString("</span>")
		}
		rows = append(rows, strings.TrimRight(row.String(), " "))
	}
	for len(rows) > 0 && rows[len(rows)-1] == "" {
		rows = rows[:len(rows)-1]
	}
	return rows
}

// notify sends a notification that is right, and two that break rules.
func (s *stage) notify() {
	for _, header := range []string{"X-WNS-TTL: 600", "Content-Type: text/plain", "X-WNS-Cache-Policy: maybe"} {
		s.dmwake("push", "--ca-dir", "ca", "--wns-listen", s.labWNS, "--control", "http://"+s.control, "--device", "sample", "--header", header)
	}
}

// push wakes two devices, one of them with work.
func (s *stage) push() {
	for _, id := range s.ids[1:3] {
		s.post("http://"+s.admin+"/devices/"+id+"/commands", `{"verb":"Replace","locURI":"./Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength","format":"int","data":"8"}`)
		s.post("http://"+s.admin+"/devices/"+id+"/push", "")
	}
}
