package admx

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Value is the value of a policy.
type Value struct {
	Enabled bool
	Data    []string // the ids of its <data>
}

// ParseValue reads <enabled/> or <disabled/>, and <data id= value=> for elements.
func ParseValue(text string) (v Value, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return v, errors.New("the value is empty; an ADMX-backed policy takes <enabled/> or <disabled/>")
	}
	dec := decoder(text)
	state := ""
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return v, fmt.Errorf("the value of an ADMX-backed policy must be <enabled/> or <disabled/>: it is not XML (%w)", err)
		}
		switch t := tok.(type) {
		case xml.CharData:
			if strings.TrimSpace(string(t)) != "" {
				return v, errors.New("the value of an ADMX-backed policy must be <enabled/> or <disabled/>, not text")
			}
		case xml.StartElement:
			switch name := strings.ToLower(t.Name.Local); name {
			case "enabled", "disabled":
				if state != "" {
					return v, fmt.Errorf("the value of an ADMX-backed policy has <%s/> and <%s/>; it takes one", state, name)
				}
				state = name
			case "data":
				id, ok := attribute(t.Attr, "id")
				if _, has := attribute(t.Attr, "value"); !ok || !has {
					return v, errors.New("a <data> of an ADMX-backed policy needs the attributes id and value")
				}
				v.Data = append(v.Data, id)
			default:
				return v, fmt.Errorf("the value of an ADMX-backed policy has <%s>; it takes <enabled/>, <disabled/> and <data id=\"...\" value=\"...\"/>", t.Name.Local)
			}
		}
	}
	if state == "" {
		return v, errors.New("the value of an ADMX-backed policy has neither <enabled/> nor <disabled/>")
	}
	v.Enabled = state == "enabled"
	return v, nil
}

func attribute(list []xml.Attr, name string) (value string, ok bool) {
	for _, a := range list {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value, true
		}
	}
	return "", false
}
