package faults

import (
	"strings"

	"github.com/dmwake/dmwake/harness/faultspec"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// meeting is what a server has to send before a fault shows.
type meeting struct {
	what   string
	verbs  []syncml.Verb // any of them; none means any verb
	suffix string        // of the LocURI, in lower case
	within string        // a part of the LocURI, in lower case
}

// meetings are those of the faults that wait for a command. The others show in every
// session.
var meetings = map[string]meeting{
	"pfn-418-500":       {"an Add or Replace of .../Push/PFN", []syncml.Verb{syncml.Add, syncml.Replace}, "/push/pfn", ""},
	"channel-uri":       {"a Get of .../Push/ChannelURI", []syncml.Verb{syncml.Get}, "/push/channeluri", ""},
	"push-status":       {"a Get of .../Push/Status", []syncml.Verb{syncml.Get}, "/push/status", ""},
	"wipe-fails":        {"an Exec of .../RemoteWipe/doWipe, or another wipe", []syncml.Verb{syncml.Exec}, "", "/remotewipe/"},
	"certificate-fails": {"an Exec of .../Install/Enroll", []syncml.Verb{syncml.Exec}, "/install/enroll", ""},
	"install-fails":     {"an Exec that installs something", []syncml.Verb{syncml.Exec}, "", ""},
	"install-parks":     {"an Exec that installs something", []syncml.Verb{syncml.Exec}, "", ""},
	"late-results":      {"a Get", []syncml.Verb{syncml.Get}, "", ""},
	"repeat-results":    {"a Get", []syncml.Verb{syncml.Get}, "", ""},
	"double-status":     {"any command", nil, "", ""},
	"drop-status":       {"any command", nil, "", ""},
}

// Unmet is what the server did not send in a session and a fault, "name" or
// "name=argument", waits for; empty if the fault could show.
func Unmet(spec string, s *dmclient.Session) string {
	line, err := faultspec.Read(spec)
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(line.Fault, "=")
	m, ok := meetings[name]
	if name == "answer" {
		m, ok = answers(line.Fault)
	}
	if !ok {
		return ""
	}
	for _, c := range s.Commands {
		if uri := strings.ToLower(c.LocURI); !strings.HasSuffix(uri, m.suffix) || !strings.Contains(uri, m.within) {
			continue
		}
		if len(m.verbs) == 0 {
			return ""
		}
		for _, v := range m.verbs {
			if c.Verb == v {
				return ""
			}
		}
	}
	return m.what
}

// answers is what answer=VERB:SUFFIX:CODE waits for.
func answers(spec string) (m meeting, ok bool) {
	_, arg, err := faultspec.Find(spec, All(), func(k Kind) (name, arg string) { return k.Name, k.Arg })
	if err != nil {
		return m, false
	}
	f, err := newAnswer(arg.Text())
	if err != nil {
		return m, false
	}
	a := f.(*dmclient.AnswerWith) //nolint:forcetypeassert // newAnswer makes no other
	m = meeting{what: "a command on ..." + a.Suffix, suffix: strings.ToLower(a.Suffix)}
	if a.Verb != "" {
		m.what, m.verbs = "a "+string(a.Verb)+" of ..."+a.Suffix, []syncml.Verb{a.Verb}
	}
	return m, true
}
