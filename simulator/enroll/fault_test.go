package enroll

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// detail is the detail of MS-MDE2 2.2.10 in an element of that name.
func detail(element string) string {
	return `<` + element + ` xmlns="http://schemas.microsoft.com/windows/pki/2009/01/enrollment"><ErrorType>UserLicense</ErrorType><Message>no licence left</Message><TraceId>7</TraceId></` + element + `>`
}

// TestFaultSpellings: a fault is read however a server spells it, with its own
// reason, from an HTTP reply of any status.
func TestFaultSpellings(t *testing.T) {
	soap12 := `<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>s:Authorization</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-us">no licence</s:Text></s:Reason>%s</s:Fault>`
	envelope := func(ns, body string) string {
		return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="` + ns + `"><s:Header/><s:Body>` + body + `</s:Body></s:Envelope>`
	}
	const one, two = "http://schemas.xmlsoap.org/soap/envelope/", nsSOAP
	plain := Fault{Code: "Receiver", Subcode: "Authorization", Reason: "no licence"}
	full := plain
	full.ErrorType, full.Message, full.TraceID = "UserLicense", "no licence left", "7"
	lower := full
	lower.Code = "receiver"
	for _, c := range []struct {
		name, body string
		want       Fault
	}{
		{"SOAP 1.2", envelope(two, fmt.Sprintf(soap12, "")), plain},
		{"with a detail", envelope(two, fmt.Sprintf(soap12, "<s:Detail>"+detail("DeviceEnrollmentServiceError")+"</s:Detail>")), full},
		{"with the other detail", envelope(two, fmt.Sprintf(soap12, "<s:Detail>"+detail("WindowsDeviceEnrollmentServiceError")+"</s:Detail>")), full},
		{"another prefix", strings.NewReplacer("s:", "soapenv:", "xmlns:s=", "xmlns:soapenv=").Replace(envelope(two, fmt.Sprintf(soap12, ""))), plain},
		{"as the default namespace", strings.NewReplacer("<s:", "<", "</s:", "</", "xmlns:s=", "xmlns=").Replace(envelope(two, fmt.Sprintf(soap12, ""))), plain},
		{"no namespace", strings.NewReplacer(`<s:`, `<`, `</s:`, `</`, ` xmlns:s="`+two+`"`, ``, ">s:", ">").Replace(envelope(two, fmt.Sprintf(soap12, ""))), plain},
		{"an unbound prefix", strings.ReplaceAll(envelope(two, fmt.Sprintf(soap12, "")), ` xmlns:s="`+two+`"`, ""), plain},
		{"lower case, as MS-MDE2 2.2.10 prints it", envelope(two, `<s:fault><s:code><s:value>s:receiver</s:value><s:subcode><s:value>s:authorization</s:value></s:subcode></s:code><s:reason><s:text>no licence</s:text></s:reason><s:detail>`+
			detail("DeviceEnrollmentServiceError")+`</s:detail></s:fault>`), lower},
		{"a reason without Text", envelope(two, `<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>s:Authorization</s:Value></s:Subcode></s:Code><s:Reason>no licence</s:Reason></s:Fault>`), plain},
		{"the reason in the detail only", envelope(two, `<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Detail><e><errortype>userlicense</errortype><message>no licence</message></e></s:Detail></s:Fault>`),
			Fault{Code: "Receiver", Reason: "no licence", ErrorType: "UserLicense", Message: "no licence"}},
		{"indented", strings.ReplaceAll(envelope(two, fmt.Sprintf(soap12, "")), "><", ">\n  <"), plain},
		{"SOAP 1.1", envelope(one, `<s:Fault><faultcode>s:Server</faultcode><faultstring>no licence</faultstring></s:Fault>`), Fault{Code: "Server", Reason: "no licence"}},
		{"SOAP 1.1, dotted", envelope(one, `<s:Fault><faultcode>s:Client.Authentication</faultcode><faultstring xml:lang="en">no licence</faultstring><detail>`+detail("DeviceEnrollmentServiceError")+`</detail></s:Fault>`),
			Fault{Code: "Client", Subcode: "Authentication", Reason: "no licence", ErrorType: "UserLicense", Message: "no licence left", TraceID: "7"}},
		{"SOAP 1.1, the subcode for a code", envelope(one, `<s:Fault><faultcode>s:Authorization</faultcode><faultstring>no licence</faultstring></s:Fault>`), Fault{Subcode: "Authorization", Reason: "no licence"}},
		{"without a Body", `<s:Envelope xmlns:s="` + two + `">` + fmt.Sprintf(soap12, "") + `</s:Envelope>`, plain},
		{"without an Envelope", strings.Replace(fmt.Sprintf(soap12, ""), "<s:Fault>", `<s:Fault xmlns:s="`+two+`">`, 1), plain},
		{"an envelope in lower case", strings.NewReplacer("s:Envelope", "s:envelope", "s:Body", "s:body").Replace(envelope(two, fmt.Sprintf(soap12, ""))), plain},
	} {
		for _, status := range []int{200, 400, 401, 500} {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				fmt.Fprint(w, c.body)
			}))
			_, err := (&Client{HTTP: srv.Client()}).Send(t.Context(), srv.URL, []byte("<x/>"))
			srv.Close()
			var f *Fault
			if !errors.As(err, &f) || *f != c.want {
				t.Errorf("%s, status %d: %+v (%v), want %+v", c.name, status, f, err, c.want)
				continue
			}
			for _, want := range []string{"the server refused: ", "no licence", fmt.Sprintf("(HTTP %d", status)} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: no %q in %q", c.name, want, err)
				}
			}
			if shown := strings.Contains(err.Error(), "0x801900c8"); shown != (status == 200) {
				t.Errorf("%s, status %d: %v", c.name, status, err)
			}
		}
	}
}

// TestNoFault: elements that only look like a fault.
func TestNoFault(t *testing.T) {
	for _, body := range []string{
		"", "fault", "{\"fault\":1}", "<fault/>", "<a><b><c><d><Fault><Code/></Fault></d></c></b></a>",
		`<s:Envelope xmlns:s="x"><s:Body><DefaultResponse><Fault><Code/></Fault></DefaultResponse></s:Body></s:Envelope>`,
		"<Fault><Code></Fault>",
	} {
		if f := ReadFault([]byte(body)); f != nil {
			t.Errorf("%q: %+v", body, f)
		}
	}
}

// TestOwnWords: what servers say in other forms is shown in one short line,
// without secrets.
func TestOwnWords(t *testing.T) {
	jwt := "eyJ" + strings.Repeat("hbGciOiJIUzI1NiJ9", 4)
	for body, want := range map[string]string{
		"":                           "",
		"boom":                       "boom",
		" two\r\n lines\t of it ":    "two lines of it",
		"\x00\x01binary":             "",
		`{"error":"no such tenant"}`: "no such tenant",
		`{"status":500,"title":"Bad","detail":"CSR"}`:           "Bad: CSR",
		`{"error":{"code":"E7","message":"deep"}}`:              "E7: deep",
		`{"errors":[{"message":"first"},{"message":"second"}]}`: "first",
		`{"nothing":"known"}`:                                   "",
		`{broken`:                                               "{broken",
		`<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>x</body></html>`: "502 Bad Gateway",
		`<html><body><h1>Oops</h1><script>var x</script></body></html>`:                         "Oops",
		`<Error><Code>Denied</Code><Message>not you</Message></Error>`:                          "Denied not you",
		strings.Repeat("ä", 300):                   strings.Repeat("ä", 200) + "...",
		`password="hunter22" was wrong`:            `password="[redacted]" was wrong`,
		"the password is wrong, the token expired": "the password is wrong, the token expired",
		"Authorization: Bearer abc.def.123":        "Authorization: [redacted]",
		"bad token " + jwt:                         "bad token [redacted]",
		"you sent correct-horse":                   "you sent [redacted]",
		"https://u:pw@host/x failed":               "https://[redacted]@host/x failed",
		"unknown device 1E08C6E95D8BB843B1278FF45BC60CC61E08C6E95D8BB843B1278FF45BC60CC6": "unknown device 1E08C6E95D8BB843B1278FF45BC60CC61E08C6E95D8BB843B1278FF45BC60CC6",
	} {
		if got := OwnWords([]byte(body), "correct-horse"); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}

// TestRefusalWithoutFault: the error of a step has the server's own words.
func TestRefusalWithoutFault(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"message":"user secret-9 has no licence"}`, http.StatusInternalServerError)
	}))
	defer srv.Close()
	c := &Client{HTTP: srv.Client(), Credential: &Credential{Password: "secret-9"}, AllowHTTP: true}
	_, err := c.Policies(t.Context(), srv.URL)
	want := "enrollment: GetPolicies: HTTP status 500 without a SOAP fault: user [redacted] has no licence (Windows shows 0x80180008)"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func FuzzReadFault(f *testing.F) {
	f.Add([]byte(`<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code></s:Fault>`))
	f.Add([]byte(`{"error":{"message":"no"}}`))
	f.Add([]byte(`<html><title>no</title></html>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if fault := ReadFault(b); fault != nil && fault.Text() == "" {
			t.Fatal("a fault without a word")
		}
		if words := OwnWords(b); strings.ContainsAny(words, "\r\n") {
			t.Fatalf("more than a line: %q", words)
		}
	})
}
