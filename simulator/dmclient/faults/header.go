package faults

import "github.com/dmwake/dmwake/simulator/syncml"

type msgIDRepeat struct{}

func (msgIDRepeat) Fault() string                    { return "repeats MsgID 1" }
func (msgIDRepeat) Rewrite(m *syncml.Message, _ int) { m.Hdr.MsgID = "1" }

type wrongVersion struct{}

func (wrongVersion) Fault() string { return "claims another version" }
func (wrongVersion) Rewrite(m *syncml.Message, _ int) {
	m.Hdr.VerDTD, m.Hdr.VerProto = "1.1", "DM/1.1"
}

type noFinal struct{}

func (noFinal) Fault() string { return "leaves Final out" }
func (noFinal) Rewrite(m *syncml.Message, n int) {
	if n == 1 {
		m.Final = false
	}
}

type unknownAlert struct{}

func (unknownAlert) Fault() string { return "sends an unknown Alert" }
func (unknownAlert) Rewrite(m *syncml.Message, n int) {
	if n != 1 {
		return
	}
	m.Body = append(m.Body, syncml.Command{Verb: syncml.Alert, CmdID: "99", Data: "1224", Items: []syncml.Item{
		{Meta: &syncml.Meta{Type: "com.dmwake/unknown"}, Data: "1", HasData: true}}})
}
