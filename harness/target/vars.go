package target

import (
	"reflect"
	"strconv"
)

// Vars are the values for the templates of hooks: {{.DeviceID}}, {{json .Data}}.
// Variables describes each.
type Vars struct {
	DeviceID       string
	UDID           string
	DeviceName     string
	HWDevID        string
	EnrollmentID   string
	SerialNumber   string
	OSVersion      string
	Profile        string
	ManagementURL  string
	ProviderID     string
	EntDMID        string
	CertCN         string
	CertSerial     string
	CertThumbprint string
	ServerID       string
	Username       string
	ChannelURI     string
	Verb           string
	LocURI         string
	Format         string
	Data           string
	N              string
	SignInURL      string
	Password       string
	TokenKind      string
	DirectoryID    string
	Audience       string
	Output         string
	TraceParent    string
}

// Variable is one of Vars, for documents and messages.
type Variable struct {
	Name, Example string
	Means         string
}

// Variables lists all variables, in the order of the document.
func Variables() []Variable {
	return []Variable{
		{"DeviceID", "1E08C6E95D8BB843B1278FF45BC60CC6", "the Source of the device's messages"},
		{"UDID", "1E08C6E95D8BB843B1278FF45BC60CC6", "the same, for servers that call it UDID"},
		{"DeviceName", "DESKTOP-4F0A1C7", "DeviceName of the enrollment"},
		{"HWDevID", "A65F2A0E7B3C41D89E5510C2743FDB6817AE93F05C8824B1D06E71F3B29C4D5A", "the hardware id; empty if this Windows does not send it"},
		{"EnrollmentID", "BA405A5D-B1C7-4737-81C8-8F379A5D1C20", "the GUID with which the common name of the certificate request begins"},
		{"SerialNumber", "SNA65F2A0E7B3C", "the serial number of the firmware (SMBIOS)"},
		{"OSVersion", "10.0.26200.9278", "the version of Windows"},
		{"Profile", "win11-25h2", "dmwake's name for that Windows"},
		{"ManagementURL", "https://mdm.example/ManagementServer/MDM.svc?id=42", "where sessions go (ADDR), with the ids that the server put in it"},
		{"ProviderID", "Example MDM", "PROVIDER-ID of the account"},
		{"EntDMID", "6f1c2d7e-9d5b-4b3a-8f0e-2c1a7d9e4b60", "the id that the server wrote to DMClient/Provider/EntDMID"},
		{"CertCN", "BA405A5D-B1C7-4737-81C8-8F379A!1E08C6E95D8BB843B1278FF45BC60CC6", "the common name of the client certificate"},
		{"CertSerial", "5c1f0a9e33b87d24", "its serial number, in lower-case hex digits, two for each byte"},
		{"CertThumbprint", "0F3B5A7C9E1D2846B0C2D4E6F8091A2B3C4D5E6F", "its SHA-1 thumbprint, in upper-case hex digits"},
		{"ServerID", "7a1d6f0c-52c9-4c1e-9a50-d1b1f2c8e0aa", "what `hooks.lookup` printed: the server's own id for the device"},
		{"Username", "demo@mdm.example", "`target.username`"},
		{"ChannelURI", "https://db5p.notify.windows.com/?token=AwYAAABq", "the device's push channel, as it told the server last; empty before it has one"},
		{"Verb", "Replace", "of the command to queue"},
		{"LocURI", "./Vendor/MSFT/Policy/Config/Camera/AllowCamera", "of the command to queue"},
		{"Format", "int", "of the command's data"},
		{"Data", "0", "of the command"},
		{"N", "598413201", "a number that differs in each call of `hooks.work`, also of later runs: makes the output of each call differ"},
		{"SignInURL", "https://mdm.example/Auth?appru=ms-app%3A%2F%2Fwindows.immersivecontrolpanel&login_hint=demo%40mdm.example", "the sign-in page with the parameters that Windows adds; only in `target.signin`"},
		{"Password", "demo", "`target.password`; only in `target.signin` and `hooks.token`"},
		{"TokenKind", "user", "which token `hooks.token` prints: user, device, or terms, the user's before the device is registered"},
		{"DirectoryID", "c2f1a7d0-4b1e-4e3c-9f66-0d5a8e7b1c42", "in `hooks.token`: the device's id in the directory (AADDeviceID); empty with terms"},
		{"Audience", "https://mdm.example", "in `hooks.token`: AADResourceID, whom the token is for; empty if the server did not set it"},
		{"Output", `{"host":{"id":42}}`, "only in a hook's `output`: what the server answered or the command printed"},
		{"TraceParent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "with `dmwake load --trace-headers`, the traceparent of the request (W3C Trace Context), which HTTP hooks have as a header and commands as TRACEPARENT in their environment; otherwise empty"},
	}
}

// exampleVars are the example values, to try templates with.
func exampleVars() (v Vars) {
	for _, k := range Variables() {
		switch f := reflect.ValueOf(&v).Elem().FieldByName(k.Name); f.Kind() {
		case reflect.String:
			f.SetString(k.Example)
		case reflect.Int:
			if n, err := strconv.Atoi(k.Example); err == nil {
				f.SetInt(int64(n))
			}
		}
	}
	return v
}
