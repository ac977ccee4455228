package paste

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// eventXML is an event as wevtutil and the Event Viewer export it (Learn, "Event
// Schema").
type eventXML struct {
	System struct {
		EventID     string `xml:"EventID"`
		TimeCreated struct {
			SystemTime string `xml:"SystemTime,attr"`
		}
	}
	EventData struct {
		Data []struct {
			Name  string `xml:"Name,attr"`
			Value string `xml:",chardata"`
		}
	}
	RenderingInfo struct{ Message string }
}

// eventsXML finds the events in XML, and returns the text without them.
func (l *Log) eventsXML(s string) string {
	if !strings.Contains(s, "<Event ") && !strings.Contains(s, "<Event>") {
		return s
	}
	at := linesOf(s)
	b := []byte(s)
	for from := 0; ; {
		k := strings.Index(s[from:], "<Event")
		if k < 0 {
			break
		}
		start := from + k
		from = start + len("<Event")
		if from >= len(s) || s[from] != ' ' && s[from] != '>' {
			continue
		}
		n := strings.Index(s[start:], "</Event>")
		if n < 0 {
			l.Cuts = append(l.Cuts, Cut{at.at(len(s) - 1), fmt.Sprintf("the event that starts in line %d is cut here", at.at(start))})
			break
		}
		end := start + n + len("</Event>")
		var x eventXML
		if err := xml.Unmarshal([]byte(s[start:end]), &x); err != nil {
			l.note("the event in line %d is damaged: %v", at.at(start), err)
		} else {
			l.fromXML(&x, at.at(start))
		}
		for i := start; i < end; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
		from = end
	}
	return string(b)
}

func (l *Log) fromXML(x *eventXML, line int) {
	id, _ := strconv.Atoi(strings.TrimSpace(x.System.EventID)) // 0: not known
	e := Event{ID: id, Time: x.System.TimeCreated.SystemTime, Line: line, Text: strings.Join(strings.Fields(x.RenderingInfo.Message), " ")}
	var values []string
	for _, d := range x.EventData.Data {
		v := strings.TrimSpace(d.Value)
		if d.Name == "HRESULT" {
			v = hexOf(v)
		}
		values = append(values, v)
	}
	if e.Text == "" {
		e.Text = labels[id]
		if e.Text == "" {
			e.Text = fmt.Sprintf("event %d", id)
		}
		if (id == 404 || id == 454) && len(values) >= 6 {
			e.Text += fmt.Sprintf(" Configuration Source ID: (%s), Enrollment Name: (%s), Provider Name: (%s), Command Type: (%s), CSP URI: (%s), Result: (%s).",
				values[0], values[1], values[2], values[3], values[4], values[5])
		} else if len(values) > 0 {
			e.Text += " (" + strings.Join(values, "), (") + ")"
		}
	}
	l.event(e)
	for _, code := range hresult.FindAllString(e.Text, -1) {
		l.Codes = append(l.Codes, Code{strings.ToLower(code), line})
	}
}

// hexOf writes a code in decimal as Windows writes it elsewhere.
func hexOf(v string) string {
	if n, err := strconv.ParseInt(v, 10, 64); err == nil && n >= -1<<31 && n < 1<<32 {
		return fmt.Sprintf("%#08x", uint32(n))
	}
	return v
}
