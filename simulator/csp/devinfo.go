package csp

// Info is what DevInfo and DevDetail tell about a device.
type Info struct {
	DeviceID     string // DevInfo/DevId and the SyncHdr Source
	Manufacturer string
	Model        string
	DmV          string // version of the management client: "1.3" [seen]
	Lang         string // "en-US"

	DeviceType   string // DevDetail/DevTyp
	OEM          string
	Firmware     string
	Software     string // OS version, "10.0.22631.3155"
	Hardware     string
	LargeObjects bool // DevDetail/LrgObj; false on real desktops [seen]
	Name         string
	Platform     string // DevDetail/Ext/Microsoft/OSPlatform
	Processor    string // ProcessorArchitecture: 0 x86, 5 ARM, 9 x64
}

// DevInfo is the standard object every session starts with (OMA DM StdObj
// 1.2.1; Learn, "DevInfo CSP").
func DevInfo(i Info) CSP {
	ro := func(name, value string) Node {
		return Node{Path: "DevInfo/" + name, Ops: Get, Format: Chr, Value: value}
	}
	return CSP{Name: "DevInfo", Nodes: []Node{
		ro("DevId", i.DeviceID), ro("Man", i.Manufacturer), ro("Mod", i.Model), ro("DmV", i.DmV), ro("Lang", i.Lang),
	}}
}

// DevDetail holds what a server asks for on demand (Learn, "DevDetail CSP").
func DevDetail(i Info) CSP {
	ro := func(name string, f Format, value string) Node {
		return Node{Path: "DevDetail/" + name, Ops: Get, Format: f, Value: value}
	}
	large := "false"
	if i.LargeObjects {
		large = "true"
	}
	const ms = "Ext/Microsoft/"
	return CSP{Name: "DevDetail", Nodes: []Node{
		ro("URI/MaxDepth", Chr, "0"), ro("URI/MaxTotLen", Chr, "0"), ro("URI/MaxSegLen", Chr, "0"),
		ro("DevTyp", Chr, i.DeviceType), ro("OEM", Chr, i.OEM), ro("FwV", Chr, i.Firmware),
		ro("SwV", Chr, i.Software), ro("HwV", Chr, i.Hardware), ro("LrgObj", Bool, large),
		ro(ms+"OSPlatform", Chr, i.Platform), ro(ms+"ProcessorArchitecture", Int, i.Processor),
		{Path: "DevDetail/" + ms + "DeviceName", Ops: Get | Replace, Format: Chr, Value: i.Name},
	}}
}
