package compare

import (
	"fmt"
	"strings"
)

// meaning says what a difference means for who tests a server, and for the simulated
// device.
func meaning(d *Difference, profile string) string {
	last := d.Path[strings.LastIndexAny(d.Path, "/ ")+1:]
	lacks := d.Simulated == "missing" || d.Simulated == "none"
	switch d.Kind {
	case KindFailed:
		return "the simulated device stopped where Windows went on: everything after it could not be compared"
	case KindMessage:
		if lacks {
			return "Windows sends a message that the simulated device does not send: a server that waits for it would be judged wrongly"
		}
		return "the simulated device goes on where Windows ends: a server sees one message too many"
	case KindCommand:
		return command(d, lacks)
	case KindStatus:
		return fmt.Sprintf("the simulated device answers %s where Windows answers %s: how a server handles %s is not tested (profile %s)", d.Simulated, d.Real, d.Real, profile)
	case KindNodeUnknown:
		return fmt.Sprintf("the simulated device answers 404 where Windows answers %s: %s is missing in profile %s; a server that uses it would be judged wrongly (until then: --accept-unknown)",
			d.Real, nodeOf(d.Command), profile)
	case KindNodeExtra:
		return fmt.Sprintf("the simulated device has %s, which Windows answers with 404 here: a server that relies on it would pass wrongly", nodeOf(d.Command))
	case KindFormat:
		return fmt.Sprintf("the format of %s is %s on Windows and %s here: a server that converts values by their format would be judged wrongly", nodeOf(d.Command), d.Real, d.Simulated)
	case KindItem:
		return item(d, lacks)
	case KindElement:
		return element(last, lacks)
	case KindValue:
		return value(d, last)
	case KindOrder:
		return "the order differs: servers that depend on this order would be judged wrongly"
	case KindNumbering:
		return "the CmdIDs differ: a server that expects them from a given number on would be judged wrongly"
	case KindHeader:
		return header(d, lacks)
	case KindHTTP:
		return map[string]string{
			"query":   "servers that route by mode or Platform see another query",
			"version": "the simulated device speaks another version of HTTP with a server that offers both",
			"path":    "the request goes to another path",
			"method":  "the request has another method",
		}[d.Path]
	case KindCSR:
		return "the certificate request is encoded differently: a server whose parser accepts only one of the two forms would be judged wrongly"
	case KindForm:
		return "the same elements are written with another namespace, prefix or attribute: servers that match the text instead of the XML would be judged wrongly"
	case KindBytes:
		return "the XML is equal, its bytes are not: servers that match the text instead of the XML would be judged wrongly"
	}
	return ""
}

func nodeOf(command string) string {
	if _, uri, found := strings.Cut(command, " "); found {
		return "node " + uri
	}
	return "the node"
}

func command(d *Difference, lacks bool) string {
	what, _, _ := strings.Cut(d.Path[strings.LastIndex(d.Path, "SyncBody/")+1:], " ")
	switch {
	case what == "Status" && lacks:
		return "Windows answers this command and the simulated device does not: a server that waits for the Status would be judged wrongly"
	case what == "Status":
		return "the simulated device answers a command that Windows leaves unanswered: a server that needs the Status would pass wrongly"
	case what == "Results" && lacks:
		return "Windows tells the value, and the simulated device does not"
	case what == "Results":
		return "the simulated device tells a value that Windows does not"
	case lacks:
		return fmt.Sprintf("Windows sends this %s and the simulated device does not: a server that acts on it is not tested", what)
	}
	return fmt.Sprintf("the simulated device sends this %s and Windows does not: a server that relies on it would pass wrongly", what)
}

func item(d *Difference, lacks bool) string {
	switch {
	case strings.Contains(d.Path, "ContextItem") && lacks:
		return "servers that read this item of the RST would not find it"
	case strings.Contains(d.Path, "ContextItem"):
		return "servers that rely on this item of the RST would pass wrongly: this build does not send it"
	case strings.Contains(d.Path, "AuthPolicy"):
		return "servers choose how devices sign in by this list"
	case lacks:
		return "Windows sends this item and the simulated device does not: a server that reads it would be judged wrongly"
	}
	return "the simulated device sends this item and Windows does not: a server that relies on it would pass wrongly"
}

func element(name string, lacks bool) string {
	switch {
	case name == "Final" && lacks:
		return "without Final the package goes on: a server that waits for the rest would be judged wrongly"
	case name == "Final":
		return "Windows left the package open here: a server that has to wait for the rest is not tested"
	case name == "LocName" && lacks:
		return "servers that find out by Source/LocName whose credential it is would not find it"
	case name == "Cred" && lacks:
		return "Windows shows a credential here: a server that demands one would refuse the simulated device"
	case name == "Cred":
		return "Windows shows no credential here: a server that has to ask for one would pass wrongly"
	case name == "Mark":
		return "servers that treat critical alerts in another way see another one"
	case name == "TargetRef":
		return "servers that find the node of a Status by TargetRef would be judged wrongly"
	case lacks:
		return fmt.Sprintf("Windows sends %s and the simulated device does not: a server that reads it would be judged wrongly", name)
	}
	return fmt.Sprintf("the simulated device sends %s and Windows does not: a server that relies on it would pass wrongly", name)
}

func value(d *Difference, last string) string {
	switch {
	case last == "RequestVersion":
		return "servers choose the policies and the attestation by RequestVersion: a build between two profiles requests another one"
	case strings.Contains(d.Path, "DevInfo/DmV"):
		return "servers that know a Windows version by DmV see another one"
	case last == "DeviceType":
		return "servers that know phones and desktops by DeviceType see another one"
	case last == "MsgID", last == "MsgRef", last == "CmdRef":
		return "the two sessions are not in step: look at the differences of the messages before"
	}
	return fmt.Sprintf("Windows sends another %s: a server that reads it would be judged wrongly", last)
}

func header(d *Difference, lacks bool) string {
	switch {
	case lacks:
		return fmt.Sprintf("Windows sends the header %s: a server that needs it would be judged wrongly", d.Path)
	case d.Real == "none":
		return fmt.Sprintf("Windows sends no header %s: a server that relies on it would pass wrongly", d.Path)
	}
	return fmt.Sprintf("servers that read the header %s see another value", d.Path)
}
