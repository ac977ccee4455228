package target

import "slices"

// ofDevice are the variables that differ from one device to another.
var ofDevice = []string{"DeviceID", "UDID", "DeviceName", "HWDevID", "EnrollmentID", "SerialNumber", "ManagementURL",
	"EntDMID", "CertCN", "CertSerial", "CertThumbprint", "ServerID", "ChannelURI"}

// NamesDevice reports whether the hook uses a variable that tells its device from
// others. A hook that names none does the same for whatever device it is called.
func (k *Hook) NamesDevice() bool { return slices.ContainsFunc(ofDevice, k.Uses) }
