package console

import (
	"html/template"
	"strings"

	"github.com/dmwake/dmwake/harness/page"
)

// action is a button that changes something.
type action struct {
	What, Label, Name string // Name tells it from others of its kind, for a screen reader
	Sure              string // the second button of one that destroys something
	Tone              string
	Fields            [][2]string
}

func fields(list []string) (out [][2]string) {
	for i := 0; i+1 < len(list); i += 2 {
		out = append(out, [2]string{list[i], list[i+1]})
	}
	return out
}

// searched is the search of a list.
type searched struct {
	Action, What, Query, Hint string
	Hidden                    [][2]string
}

var pages = template.Must(page.New("console").Funcs(template.FuncMap{
	"join":     strings.Join,
	"sentence": sentence,
	"act": func(what, label, name string, list ...string) action {
		return action{What: what, Label: label, Name: name, Fields: fields(list)}
	},
	"sure": func(what, label, certain string, list ...string) action {
		return action{What: what, Label: label, Sure: certain, Fields: fields(list)}
	},
	"search": func(path, what, query, hint string, hidden [][2]string) searched {
		return searched{Prefix + path, what, query, hint, hidden}
	},
	"copyOf": func(id, what string) page.Copy { return page.Copy{Of: id, What: what} },
}).ParseFS(files, "templates/*.html"))
