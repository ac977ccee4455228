package redact

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// TestHeader: what is known to be harmless is shown; of all others the name, the scheme
// and the length.
func TestHeader(t *testing.T) {
	for in, want := range map[string]string{
		"Content-Type: application/json":         "application/json",
		"x-wns-type: wns/raw":                    "wns/raw",
		"MS-CV: abc.0":                           "abc.0",
		"User-Agent: x password=hunter2":         "x password=[redacted]",
		"Authorization: Bearer hunter2":          "Bearer [redacted] (7 characters)",
		"authorization: hunter2":                 "[redacted] (7 characters)",
		"Authorisation: Bearer hunter2":          "Bearer [redacted] (7 characters)",
		"X-Api-Key: hunter2":                     "[redacted] (7 characters)",
		"X-Anything: the hunter2":                "[redacted] (11 characters)",
		"X-Flag: 1":                              "1",
		"Cookie: ":                               "",
		"Location: https://x/w/?token=AwYhunter": "https://x/w/?token=Aw...[redacted]",
	} {
		name, value, _ := strings.Cut(in, ": ")
		got := Header(name, value)
		if got != want {
			t.Errorf("%s is shown as %q, not %q", in, got, want)
		}
		if again := Header(name, got); again != got {
			t.Errorf("%s: shown again as %q", in, again)
		}
	}
	h := http.Header{"X-Api-Key": {"hunter2", "hunter3"}}
	if got := Headers(h); h.Get("X-Api-Key") != "hunter2" || len(got["X-Api-Key"]) != 2 || strings.Contains(got["X-Api-Key"][1], "hunter") || Headers(nil) != nil {
		t.Errorf("%v becomes %v", h, got)
	}
}

func TestTarget(t *testing.T) {
	for in, want := range map[string]string{
		"/accesstoken.srf": "/accesstoken.srf",
		"/0e1f2a3b-0000-4000-8000-000000000000/oauth2/v2.0/token": "/0e1f2a3b-0000-4000-8000-000000000000/oauth2/v2.0/token",
		"/?token=AwYAbcdefghijklmnopqrstuv%2b%3d":                 "/?token=AwYAbc...[redacted]",
		"/w/?token=AwYA&x=hunter2&client_id=seen":                 "/w/?token=A...[redacted]&x=[redacted]&client_id=seen",
		"/hook/hunter2/w/": "/h...[redacted] (4 characters)/h...[redacted] (7 characters)/w/",
		"/?hunter2":        "/?[redacted] (7 characters)",
		"/?a;hunter2=1":    "/?[redacted] (11 characters)",
		"https://u:hunter2@x.example/w/?a=hunter2": "https://[redacted]@x.example/w/?a=[redacted]",
		"*": "*",
		"":  "",
	} {
		got := Target(in)
		if got != want {
			t.Errorf("%s is shown as %s, not %s", in, got, want)
		}
		if again := Target(got); again != got {
			t.Errorf("%s: shown again as %s", got, again)
		}
	}
}

func TestBody(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for in, want := range map[[2]string]string{
		{form, "grant_type=client_credentials&client_secret=hunter2&scope=s"}: "grant_type=client_credentials&client_secret=[redacted]&scope=s",
		{"", "client_id=x&secret=hunter2&grant_type=y"}:                       "client_id=x&secret=[redacted]&grant_type=y",
		{form, "hunter2"}: "[redacted] (7 characters)",
		{"application/json", `{"client_secret":"hunter2","scope":"s","n":1,"deep":[{"x":"hunter2"}]}`}: `{"client_secret":"[redacted]","deep":[{"x":"[redacted]"}],"n":"[redacted]","scope":"s"}`,
		{"application/octet-stream", `{"grant_type":"g","hunter2":"hunter2"}`}:                         `{"[redacted]":"[redacted]","grant_type":"g"}`,
		{"application/octet-stream", `{"cmd":"sync"}`}:                                                 `{"cmd":"sync"}`,
		{"application/octet-stream", "wake up"}:                                                        "wake up",
		{"text/xml", "<toast><text>seen</text></toast>"}:                                               "<toast><text>seen</text></toast>",
		{"application/octet-stream", "password=hunter2"}:                                               "password=[redacted]",
	} {
		got := Body(in[0], []byte(in[1]))
		if got != want {
			t.Errorf("%v is shown as %s, not %s", in, got, want)
		}
		if again := Body(in[0], []byte(got)); again != got {
			t.Errorf("%s: shown again as %s", got, again)
		}
	}
	f := url.Values{"grant_type": {"x"}, "client_secret": {"hunter2", ""}, `{"a":"hunter2"}`: {""}}
	if got, want := Form(f), (url.Values{"grant_type": {"x"}, "client_secret": {Hidden, ""}, Hidden: {""}}); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(Form(got), want) {
		t.Errorf("%v, not %v", got, want)
	}
}

// TestValue: what the nodes of the CSPs show.
func TestValue(t *testing.T) {
	for _, uri := range []string{"./SyncML/DMAcc/a/AppAuth/b/AAuthSecret", "./SyncML/DMAcc/a/AppAuth/b/AAuthData", "./User/Vendor/MSFT/EMAIL2/{A}/AUTHSECRET", "./User/Vendor/MSFT/EMAIL2/{A}/SMTPALTPASSWORD",
		"./Vendor/MSFT/Accounts/Users/a/Password", "./Vendor/MSFT/WiFi/Profile/a/WlanXml", "./Vendor/MSFT/WiredNetwork/LanXML", "./Vendor/MSFT/VPNv2/a/ProfileXML", "./Vendor/MSFT/VPNv2/a/NativeProfile/L2tpPsk",
		"./Vendor/MSFT/VPNv2/a/NativeProfile/Authentication/Eap/Configuration", "./Vendor/MSFT/VPNv2/a/PluginProfile/CustomConfiguration", "./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/a/PFXCertPassword",
		"./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/a/PFXCertBlob", "./Vendor/MSFT/ClientCertificateInstall/SCEP/a/Install/Challenge", "./Vendor/MSFT/CertificateStore/My/SCEP/a/Install/Challenge",
		"./Vendor/MSFT/EnterpriseAppManagement/a/EnrollmentToken", "./Vendor/MSFT/RemoteLock/NewPINValue", "./Vendor/MSFT/DMClient/Provider/a/EnhancedAppLayerSecurity/Cert0", "./Vendor/MSFT/DMClient/Provider/a/EnhancedAppLayerSecurity/Cert1",
		"./Vendor/MSFT/DMClient/Provider/a/Push/ChannelURI", "./Vendor/MSFT/WindowsLicensing/UpgradeEditionWithProductKey", "./Vendor/Contoso/EnrollSecret2", "./Vendor/Contoso/ApiKey/"} {
		for _, v := range []string{"hunter2", "1234567", "<a>hunter2</a>"} {
			if got := Value(uri, v); got != Hidden {
				t.Errorf("%s = %s is shown as %s", uri, v, got)
			}
		}
	}
	for uri, v := range map[string]string{"./Vendor/MSFT/Policy/Config/DeviceLock/DevicePasswordEnabled": "0", "./Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength": "8", "./Vendor/MSFT/LAPS/Policies/PasswordAgeDays": "30",
		"./Vendor/MSFT/VPNv2/a/RememberCredentials": "true", "./Vendor/MSFT/DMClient/Provider/a/ForceAadToken": "2", "./Vendor/MSFT/Policy/Config/CredentialsUI/DisablePasswordReveal": "<enabled/>",
		"./SyncML/DMAcc/a/AppAuth/b/AAuthName": "name", "./Vendor/MSFT/WiFi/Profile/a/ProxyPacUrl": "http://x/y", "./DevDetail/SwV": "10.0", "./Vendor/MSFT/WiFi/Profile/a/WlanXml": ""} {
		if got := Value(uri, v); got != v {
			t.Errorf("%s = %s is shown as %s", uri, v, got)
		}
	}
	if got := Value("./Vendor/MSFT/RemoteLock/NewPINValue", "1234"); got != Hidden {
		t.Errorf("a PIN is shown as %s", got)
	}
	if got := Value("./Vendor/MSFT/DMClient/Provider/a/Push/ChannelURI", "https://x/?token=AwYAbcdefgh"); got != "https://x/?token=AwYAbc...[redacted]" {
		t.Errorf("a channel is shown as %s", got)
	}
}
