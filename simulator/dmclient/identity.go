package dmclient

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Identity identifies a device.
type Identity struct {
	DeviceID     string // 32 upper-case hex digits; the SyncHdr Source
	GUID         string // upper case with hyphens; the start of the certificate's name
	HWDevID      string // 64 upper-case hex digits
	Name         string
	Manufacturer string
	Model        string
	Locale       string
	MACs         []string
	// Serial is the serial number of the firmware (SMBIOS). By default it follows
	// from HWDevID.
	Serial string
}

// NewIdentity draws an identity. The same source gives the same identities.
func NewIdentity(r *rand.Rand) Identity {
	hex := func(n int) string {
		var b strings.Builder
		for b.Len() < n {
			fmt.Fprintf(&b, "%08X", r.Uint32())
		}
		return b.String()[:n]
	}
	g := hex(32)
	id := Identity{
		DeviceID: hex(32), GUID: g[:8] + "-" + g[8:12] + "-4" + g[13:16] + "-8" + g[17:20] + "-" + g[20:32],
		Name: "DESKTOP-" + hex(7), Manufacturer: "Contoso", Model: "Virtual PC", Locale: "en-US",
	}
	id.HWDevID = HardwareID(id.DeviceID)
	m := hex(6)
	id.MACs = []string{"00-15-5D-" + m[:2] + "-" + m[2:4] + "-" + m[4:6]}
	return id
}

// SerialNumber is the serial number that the firmware tells (SMBIOS).
func (id *Identity) SerialNumber() string {
	if id.Serial != "" {
		return id.Serial
	}
	return "SN" + clip(id.HWDevID, 12)
}

// adapters are the MAC addresses of n network adapters, or of all that the
// identity names. The further ones follow from the DeviceID.
func (id *Identity) adapters(n int) []string {
	if len(id.MACs) == 0 {
		return nil
	}
	out := slices.Clone(id.MACs)
	for i := len(out); i < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", id.DeviceID, i))
		out = append(out, fmt.Sprintf("02-%02X-%02X-%02X-%02X-%02X", sum[0], sum[1], sum[2], sum[3], sum[4]))
	}
	return out
}
