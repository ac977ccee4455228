package csp

// Personalization fetches pictures in the background, so a write is answered
// 202 (Learn, "Personalization CSP"; the 202 was seen on Windows 10 19043).
func Personalization() CSP {
	const at = "Vendor/MSFT/Personalization/"
	url := func(name string) Node {
		return Node{Path: at + name, Ops: Add | Delete | Get | Replace, Format: Chr, Upsert: true,
			Write: func(Call, string) int { return 202 }}
	}
	status := func(name string) Node { return Node{Path: at + name, Ops: Get, Format: Int, Value: "2"} }
	return CSP{Name: "Personalization", Nodes: []Node{
		url("DesktopImageUrl"), url("LockScreenImageUrl"), status("DesktopImageStatus"), status("LockScreenImageStatus"),
	}}
}
