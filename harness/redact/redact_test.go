package redact

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRedact compares whole texts: everything but the secret stays.
func TestText(t *testing.T) {
	for in, want := range map[string]string{
		`<wsse:Password wsse:Type="x">hunter2</wsse:Password>`:                                  `<wsse:Password wsse:Type="x">[redacted]</wsse:Password>`,
		`<Password>hunter2</Password>`:                                                          `<Password>[redacted]</Password>`,
		`<Password></Password><Password/><x>seen</x>`:                                           `<Password></Password><Password/><x>seen</x>`,
		`<BinarySecurityToken a="b">AAAA</BinarySecurityToken>`:                                 `<BinarySecurityToken a="b">[redacted]</BinarySecurityToken>`,
		`<Data>https://db5p.notify.windows.com/?token=AwYAbcdefgh%2b%3d</Data>`:                 `<Data>https://db5p.notify.windows.com/?token=AwYAbc...[redacted]</Data>`,
		`<Data><![CDATA[https://db5p.notify.windows.com/?token=AwYAbcdefgh]]></Data>`:           `<Data><![CDATA[https://db5p.notify.windows.com/?token=AwYAbc...[redacted]]]></Data>`,
		`<Cred><Meta><Type xmlns="syncml:metinf">b64</Type></Meta><Data>c2VjcmV0</Data></Cred>`: `<Cred><Meta><Type xmlns="syncml:metinf">b64</Type></Meta><Data>[redacted]</Data></Cred>`,
		`<Cred><Meta/></Cred><Item><Data>seen</Data></Item>`:                                    `<Cred><Meta/></Cred><Item><Data>seen</Data></Item>`,
		`Authorization: Bearer EgAabc-_`:                                                        `Authorization: Bearer [redacted]`,
		`Authorization: none`:                                                                   `Authorization: none`,
		"DeviceToken: opaque\r\nMS-CV: seen":                                                    "DeviceToken: [redacted]\r\nMS-CV: seen",
		"401: the token in the Authorization header: the directory's token expired":             "401: the token in the Authorization header: the directory's token expired",
		`a Bearer token is missing`:                                                             `a Bearer token is missing`,
		`grant_type=client_credentials&client_secret=hunter2&scope=notify.windows.com`:          `grant_type=client_credentials&client_secret=[redacted]&scope=notify.windows.com`,
		`{"access_token":"hunter2","token_type":"bearer","expires_in":86400}`:                   `{"access_token":"[redacted]","token_type":"bearer","expires_in":86400}`,
		`https://user:hunter2@mdm.example:8443/x?a=b`:                                           `https://[redacted]@mdm.example:8443/x?a=b`,
		`https://mdm.example:8443/x?mail=a@b`:                                                   `https://mdm.example:8443/x?mail=a@b`,
		`<parm name="AAUTHNAME" value="seen"/><parm name="AAUTHSECRET" value="hunter2"/>`:       `<parm name="AAUTHNAME" value="seen"/><parm name="AAUTHSECRET" value="[redacted]"/>`,
		`{\"password\":\"hunter2\",\"user\":\"seen\"}`:                                          `{\"password\":\"[redacted]\",\"user\":\"seen\"}`,
		`{\\\"password\\\":\\\"hunter2\\\",\\\"user\\\":\\\"seen\\\"}`:                          `{\\\"password\\\":\\\"[redacted]\\\",\\\"user\\\":\\\"seen\\\"}`,
		`\"password\":\"hunter2", "user"`:                                                       `\"password\":\"[redacted]", "user"`,
		`<Data>./DevInfo/Mod</Data>`:                                                            `<Data>./DevInfo/Mod</Data>`,
		`the password is refused; see Password in MS-MDE2`:                                      `the password is refused; see Password in MS-MDE2`,
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%s)\n got %s\nwant %s", in, got, want)
		}
	}
}

const (
	jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJodW50ZXIyIn0.c2lnbmF0dXJl"
	pem = "-----BEGIN EC PRIVATE KEY-----\nMHchunter2AQEEI\n-----END EC PRIVATE KEY-----"
)

// leaks are texts whose secrets must not survive: "hunter2", or part of a JWT.
var leaks = map[string]string{
	"token, any prefix":             `<a-b.c:BinarySecurityToken ValueType="x">hunter2</a-b.c:BinarySecurityToken>`,
	"token, any case":               `<binarysecuritytoken>hunter2</binarysecuritytoken>`,
	"token in CDATA":                `<wsse:BinarySecurityToken><![CDATA[hunter2]]></wsse:BinarySecurityToken>`,
	"token in CDATA with an end":    `<Password><![CDATA[</Password>hunter2]]></Password>`,
	"token with a child":            `<Password><x>hunter2</x></Password>`,
	"start tag over lines":          "<wsse:Password\n  Type='x'\n>\nhunter2\n</wsse:Password>",
	"element cut":                   `<wsse:Password>hunter2`,
	"element cut in CDATA":          `<wsse:Password><![CDATA[hunter2`,
	"element cut, another follows":  `<Password>hunter2<x>`,
	"escaped XML":                   `&lt;o:Password&gt;hunter2&lt;/o:Password&gt;`,
	"XML escaped twice":             `&amp;lt;Password&amp;gt;hunter2&amp;lt;/Password&amp;gt;`,
	"XML escaped by number":         `&#60;Password&#62;hunter2&#60;/Password&#62; &#x3C;Password&#x3E;hunter2&#x3C;/Password&#x3E;`,
	"XML in JSON":                   `{"body":"\u003cPassword\u003ehunter2\u003c/Password\u003e"}`,
	"XML in JSON in JSON":           `\\u003cPassword\\u003ehunter2\\u003c\/Password\\u003e`,
	"XML in a form":                 url.QueryEscape(`<wsse:Password Type="x">hunter2</wsse:Password>`),
	"JWT":                           "the token " + jwt + ", expired",
	"JWT after a newline in JSON":   `\n` + jwt,
	"JWT without signature":         "eyJhbGciOiJub25lIn0.eyJzdWIiOiJodW50ZXIyIn0",
	"JWT in base64":                 "ZXlKaGJHY2lPaUp1YjI1bEluMC5leUp6ZFdJaU9pSm9kVzUwWlhJeUluMC5jMmxu",
	"wresult of a form":             "wa=wsignin1.0&wresult=hunter2&x=y",
	"wresult in HTML":               `<input type="hidden" name="wresult" value="hunter2">`,
	"wresult in HTML, other order":  `<input value='hunter2' name='wresult' type="hidden">`,
	"token of a channel in a form":  "uri=https%3A%2F%2Fdb5p.notify.windows.com%2F%3Ftoken%3DAwYAAAhunter2",
	"token of a channel in CDATA":   `<Data><![CDATA[https://x/?token=AwYAAAhunter2]]></Data>`,
	"token of a channel, second":    "https://db5p.notify.windows.com/?a=b&token=AwYAAAhunter2 and &amp;token=AwYAAAhunter2",
	"Basic":                         "Authorization: Basic hunter2==",
	"Digest":                        `Authorization: Digest username="u", response="hunter2"`,
	"no scheme":                     "authorization: hunter2",
	"Proxy-Authorization":           "Proxy-Authorization:\tNegotiate hunter2\r\nHost: x",
	"a header in JSON":              `{"Authorization":"Basic hunter2"}`,
	"a header in JSON in JSON":      `{\"Authorization\": \"Basic hunter2\"}`,
	"a printed http.Header":         "map[Authorization:[Basic hunter2] Host:[x]]",
	"Cookie":                        "Set-Cookie: session=hunter2; Path=/",
	"Bearer anywhere":               "sent Bearer hunter2 to x",
	"JSON":                          `{"refresh_token" : "hunter2"}`,
	"JSON, camel case":              `{"clientSecret":"hunter2"}`,
	"JSON, prefix":                  `{"admin_password":"hunter2"}`,
	"JSON, a quote in it":           `{"password":"a\"hunter2"}`,
	"JSON, a backslash at its end":  `{"password":"hunter2\\","user":"seen"}`,
	"JSON, cut":                     `{"password":"hunter2`,
	"JSON, a number":                `{"password": 0, "pwd":7, "client_secret":-1234567890hunter2}`,
	"JSON in JSON":                  `{"body":"{\"access_token\":\"hunter2\"}"}`,
	"JSON in JSON, a quote in it":   `{"body":"{\"access_token\":\"a\\\"hunter2\"}"}`,
	"JSON in JSON in JSON":          `"{\\\"access_token\\\":\\\"hunter2\\\"}"`,
	"JSON in HTML":                  `{&quot;password&quot;:&quot;hunter2&quot;}`,
	"JSON in a form":                url.QueryEscape(`{"password":"hunter2"}`),
	"form, in JSON":                 `{"body":"password=hunter2\u0026x=y"}`,
	"form, escaped twice":           "body=client_secret%3Dhunter2",
	"YAML":                          "client_secret: hunter2",
	"printed url.Values":            "map[client_id:[ms-app://s-1-15-2] client_secret:[hunter2]]",
	"secret of an ms-app":           "grant_type=client_credentials&client_id=ms-app%3A%2F%2Fs-1-15-2-1&client_secret=hunter2%2Fx",
	"AAUTHSECRET, value first":      `<parm value="hunter2" name="AAUTHSECRET"/>`,
	"AAUTHDATA":                     `<parm name='AAUTHDATA' value='hunter2' />`,
	"AAUTHSECRET, escaped":          `&lt;parm name=&quot;AAUTHSECRET&quot; value=&quot;hunter2&quot;/&gt;`,
	"AAUTHSECRET, brackets in it":   `<parm name="AAUTHSECRET" value="&lt;>hunter2"/>`,
	"AAUTHSECRET in JSON":           `"\u003cparm name=\"AAUTHSECRET\" value=\"hunter2\"/\u003e"`,
	"AAUTHSECRET, cut":              `<parm name="AAUTHSECRET" value="hunter2`,
	"password in a URL":             "https://user:p@hunter2@mdm.example/x",
	"password in a URL, in a form":  "https://user:hunter2@mdm.example?x",
	"credentials, Cred cut":         `<Cred><Meta><Type>x</Type></Meta><Data>hunter2`,
	"credentials, prefix":           `<s:Cred><s:Data><![CDATA[hunter2]]></s:Data></s:Cred>`,
	"credentials, escaped":          `&lt;Cred&gt;&lt;Data&gt;hunter2&lt;/Data&gt;&lt;/Cred&gt;`,
	"PEM":                           pem,
	"PEM in JSON":                   strings.ReplaceAll(pem, "\n", `\n`),
	"PEM, cut":                      pem[:45],
	"PEM in a form":                 url.QueryEscape(pem),
	"a secret node":                 `<Item><Target><LocURI>./User/Vendor/MSFT/WiFi/Profile/net/WlanXml</LocURI></Target><Data>&lt;hunter2/&gt;</Data></Item>`,
	"a secret node, CDATA":          `<Item><Target><LocURI>./User/Vendor/MSFT/WiFi/Profile/net/WlanXml</LocURI></Target><Data><![CDATA[<a></Item></Data>hunter2]]></Data></Item>`,
	"a secret node, cut":            `<Item><Target><LocURI>./User/Vendor/MSFT/WiFi/Profile/net/WlanXml</LocURI></Target><Data>hunter2`,
	"a DeviceToken":                 "DeviceToken: hunter2\r\nMS-CV: x",
	"a DeviceToken on HTTP/2":       "devicetoken: hunter2",
	"a DeviceToken, printed":        "map[DeviceToken:[hunter2] Accept:[x]]",
	"a DeviceToken in JSON":         `{"DeviceToken":["hunter2"]}`,
	"a Bearer token, printed":       "map[Authorization:[Bearer hunter2]]",
	"an AADUserToken":               `<Alert><Data>1224</Data><Item><Meta><Type>com.microsoft/MDM/AADUserToken</Type></Meta><Data>hunter2</Data></Item></Alert>`,
	"a Wi-Fi key":                   `<sharedKey><keyMaterial>hunter2</keyMaterial></sharedKey>`,
	"a password within a password":  `password=password=hunter2`,
	"a value that is not closed":    `<parm name="AAUTHSECRET" value='hunter2"/>`,
	"a password in another's quote": `'password': 'a"hunter2'`,
	"AUTHSECRET of EMAIL2":          item("./User/Vendor/MSFT/EMAIL2/{A}/AUTHSECRET", "hunter2"),
	"AAuthSecret of DMAcc":          item("./SyncML/DMAcc/x/AppAuth/1/AAuthSecret", "hunter2"),
	"the password of an account":    item("./Device/Vendor/MSFT/Accounts/Users/admin/Password", "hunter2"),
	"of a mail account":             item("./User/Vendor/MSFT/EMAIL2/{A}/SMTPALTPASSWORD", "hunter2"),
	"of ActiveSync":                 item("./User/Vendor/MSFT/ActiveSync/Accounts/{A}/Password", "hunter2"),
	"a node that nobody knows":      item("./Vendor/Contoso/Agent/EnrollSecret2", "hunter2"),
	"a PFX":                         item("./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/a/PFXCertBlob", "hunter2"),
	"a product key":                 item("./Vendor/MSFT/WindowsLicensing/UpgradeEditionWithProductKey", "hunter2"),
	"a key of IKE":                  item("./Vendor/MSFT/VPNv2/a/NativeProfile/L2tpPsk", "hunter2"),
	"EAP":                           item("./Vendor/MSFT/VPNv2/a/NativeProfile/Authentication/Eap/Configuration", "hunter2"),
	"an element":                    `<AAuthSecret>hunter2</AAuthSecret><AUTHSECRET>hunter2</AUTHSECRET>`,
	"a parm of mail":                `<parm name="SMTPALTPASSWORD" value="hunter2"/><parm name="UserPassword1" value="hunter2"/>`,
	"a token before a host":         "https://hunter2@mdm.example/x",
	"a code in a query":             "https://x/cb?code=0123456789hunter2&state=x",
	"a token in a path":             "https://mdm.example/hook/T0Zq9hunter2XyB1c7DdE8fGh2/run",
}

func item(node, data string) string {
	return "<Item><Target><LocURI>" + node + "</LocURI></Target><Meta><Format>chr</Format></Meta><Data>" + data + "</Data></Item>"
}

func leaked(s string) bool {
	return strings.Contains(s, "hunter2") || strings.Contains(s, "eyJzdWIi") || strings.Contains(s, "aHVudGVyMg") || strings.Contains(s, "c2lnbmF0dXJl") || strings.Contains(s, "leUp6ZFdJ")
}

func TestRedactLeaksNothing(t *testing.T) {
	for name, in := range leaks {
		if !leaked(in) {
			t.Errorf("%s: the text has no secret, so it tests nothing", name)
		}
		once := Text(in)
		if leaked(once) {
			t.Errorf("%s\n  in %s\n out %s", name, in, once)
		}
		if again := Text(once); again != once {
			t.Errorf("%s: twice is not once\n%s\n%s", name, once, again)
		}
	}
}

// TestRedactIsLinear: a hostile quarter of a megabyte fits into the time of the test; a quadratic
// rule would take minutes.
func TestRedactIsLinear(t *testing.T) {
	for _, unit := range []string{"<Password>", "<Password><![CDATA[]]>", "&lt;Password ", "<Cred><Data>", "<Item><LocURI>", "<parm name='AAUTHSECRET' value=", "&lt;parm <parm ", `"password":"`, `\"password\":\"`,
		"password=", "eyJ", "eyJa.", "ZXlK", "://a:", "Bearer ", "authorization:", "-----BEGIN PRIVATE KEY-----", "?token=", "MIIEvgIBADAN", "://h/", "?code=", "://a@"} {
		t.Run(unit, func(t *testing.T) { Text(strings.Repeat(unit, 1<<18/len(unit))) })
	}
}

func FuzzText(f *testing.F) {
	for _, in := range leaks {
		f.Add(in)
	}
	files, err := filepath.Glob("../../simulator/*/testdata/*.xml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		if raw, err := os.ReadFile(name); err == nil {
			f.Add(string(raw))
		}
	}
	f.Fuzz(func(t *testing.T, in string) {
		once := Text(in)
		if again := Text(once); again != once {
			t.Errorf("Redact is not idempotent\n  in %q\nonce %q\nagain %q", in, once, again)
		}
	})
}
