package console

import (
	"net/http"
	"time"
)

// clockView is the fake WNS's time.
type clockView struct {
	Now, Offset string
	Moved       bool
}

func (c *console) clock(r *http.Request) (*view, error) {
	if _, err := only(r.URL.Query(), "live"); err != nil {
		return nil, err
	}
	offset := c.WNS.Settings().Offset
	v := clockView{Now: c.WNS.Now().Format("2006-01-02 15:04:05 MST"), Offset: offset.String(), Moved: offset != 0}
	return &view{Title: "Clock", Nav: "clock", body: "clock", parts: []part{block("now", "clock-now", v)}}, nil
}

// maxForward is how far one step may go.
const maxForward = 10 * 365 * 24 * time.Hour
