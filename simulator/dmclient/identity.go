package dmclient

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/dmwake/dmwake/simulator/enroll"
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
	id.HWDevID = hardwareID(id.DeviceID)
	m := hex(6)
	id.MACs = []string{"00-15-5D-" + m[:2] + "-" + m[2:4] + "-" + m[4:6]}
	return id
}

// context lists the items of the RST in the order Windows sends them [seen].
func (id *Identity) context(p *Profile, enrollmentType string) []enroll.ContextItem {
	items := []enroll.ContextItem{
		{Name: "UXInitiated", Value: "true"}, {Name: "HWDevID", Value: id.HWDevID}, {Name: "Locale", Value: id.Locale},
		{Name: "TargetedUserLoggedIn", Value: "true"}, {Name: "OSEdition", Value: p.OSEdition}, {Name: "DeviceName", Value: id.Name},
	}
	for _, m := range id.MACs {
		items = append(items, enroll.ContextItem{Name: "MAC", Value: m})
	}
	return append(items,
		enroll.ContextItem{Name: "DeviceID", Value: id.DeviceID}, enroll.ContextItem{Name: "EnrollmentType", Value: enrollmentType},
		enroll.ContextItem{Name: "DeviceType", Value: p.DeviceType}, enroll.ContextItem{Name: "OSVersion", Value: p.OSVersion},
		enroll.ContextItem{Name: "ApplicationVersion", Value: p.ApplicationVersion}, enroll.ContextItem{Name: "NotInOobe", Value: "false"},
	)
}
