package target

import (
	"reflect"
	"strings"
	"time"
)

// Key is a key of the configuration file, for documents and messages.
type Key struct {
	Name    string // with the keys around it: "target.image.name"
	Default string // in words where it is no value; empty: none
	Example string // as it is written in the file
	Does    string
	// Decides are ids and areas of scenarios that the key decides. What a hook decides
	// stands with the scenarios.
	Decides []string
}

// Keys lists every key of the file that holds a value, in the order of the document.
func Keys() []Key {
	return []Key{
		{Name: "target.name", Default: "the discovery URL", Example: "Example MDM",
			Does: "the server's name in reports"},
		{Name: "target.discovery", Default: "found by the domain of `target.username`, as Windows does", Example: "https://mdm.example/EnrollmentServer/Discovery.svc",
			Does: "URL of the discovery service"},
		{Name: "target.ca", Default: "the system's CAs", Example: "./my-ca.pem",
			Does: "PEM file of the CA that signed the server's certificate; HTTP hooks trust it, too"},
		{Name: "target.connect", Example: "127.0.0.1:8443",
			Does: "host:port to connect to, whatever the URLs name"},
		{Name: "target.allow_http", Default: "refused, on loopback, too", Example: "true",
			Does: "`true` lets devices send the password or a token to services on plain http that Discover names, and have sessions there. Windows refuses them (0x8018001a), and ENR-05 fails all the same", Decides: []string{"ENR-05"}},
		{Name: "target.username", Example: "demo@mdm.example",
			Does: "user who enrolls devices, an e-mail address"},
		{Name: "target.password", Example: "{env: MDM_PASSWORD}",
			Does: "the user's password, a secret"},
		{Name: "target.push", Default: "wns", Example: "none",
			Does: "`none` for a server without WNS push"},
		{Name: "target.push_on_queue", Example: "true",
			Does: "`true` if the server pushes by itself when a command is queued, or the `work` or `lock` hook gave a device work"},
		{Name: "target.profiles", Default: "win11-24h2, win11-25h2", Example: "[wp81, win11-25h2]",
			Does: "versions of Windows (`dmwake device quirks`). The last is used, and the one before it if the server refuses its RequestVersion by a SOAP fault"},
		{Name: "target.quirks", Default: "those of each profile", Example: "[pfn-errors, -silent-on-space]",
			Does: "quirks of all devices, for example `[pfn-errors, -silent-on-space]`; a `-` switches one off (`dmwake device quirks` lists them)"},
		{Name: "target.image.name", Example: "KIOSK",
			Does: "name of all devices, like clones of one image"},
		{Name: "target.image.hwdevid", Example: "A65F2A0E7B3C41D8",
			Does: "their hardware id"},
		{Name: "target.image.serial", Example: "SN-0001",
			Does: "their serial number (SMBIOS)"},
		{Name: "target.hooks.queue", Example: "{exec: [./queue.sh, '{{.DeviceID}}', '{{.Verb}}', '{{.LocURI}}', '{{.Data}}'], verbs: [Add, Replace, Exec]}",
			Does: "queues a command; `verbs` and `formats` list what the server can queue"},
		{Name: "target.hooks.work", Example: "{http: {url: 'https://mdm.example/devices/{{.DeviceID}}/profiles/{{.N}}'}}",
			Does: "gives the device anything to do, for a server without a queue"},
		{Name: "target.hooks.push", Example: "{http: {url: 'https://mdm.example/devices/{{.DeviceID}}/push'}}",
			Does: "makes the server push"},
		{Name: "target.hooks.wipe", Default: "queues the Exec", Example: "{http: {url: 'https://mdm.example/devices/{{.DeviceID}}/wipe'}}",
			Does: "wipes the device"},
		{Name: "target.hooks.lock", Default: "queues the Exec", Example: "{http: {url: 'https://mdm.example/devices/{{.DeviceID}}/lock'}}",
			Does: "locks the device"},
		{Name: "target.hooks.active", Example: "{http: {method: GET, url: 'https://mdm.example/devices'}}",
			Does: "prints all managed devices", Decides: []string{"PSH-07"}},
		{Name: "target.hooks.unenroll", Example: "{http: {method: DELETE, url: 'https://mdm.example/devices/{{.DeviceID}}'}}",
			Does: "ends the management of the device"},
		{Name: "target.hooks.link", Example: "{http: {url: 'https://mdm.example/devices/{{.DeviceID}}/linked-enrollment'}}",
			Does: "has the server set up the linked enrollment of the device", Decides: []string{"WDC"}},
		{Name: "target.hooks.restart", Example: "{exec: [docker, restart, mdm]}",
			Does: "restarts the server"},
		{Name: "target.hooks.token", Example: "{exec: [./token.sh, '{{.SerialNumber}}']}",
			Does: "prints the token that enrolls devices; `value_type` if it is no user token of a directory"},
		{Name: "target.hooks.lookup", Example: "{exec: [./find-id.sh, '{{.SerialNumber}}']}",
			Does: "prints the server's own id of the device, `{{.ServerID}}`"},
		{Name: "target.hooks.enrolled", Example: "{exec: [./approve.sh, '{{.DeviceID}}'], after: session}",
			Does: "runs after each enrollment, with `after: session` after the first session"},
		{Name: "target.certificate.cert", Example: "./user.pem",
			Does: "PEM file of the certificate that enrolls devices, for AuthPolicy Certificate"},
		{Name: "target.certificate.key", Example: "./user.key",
			Does: "its key"},
		{Name: "target.signin.form", Default: "the way without any of the four", Example: "true",
			Does: "`true` fills in the forms of the sign-in page"},
		{Name: "target.signin.steps", Example: "[{get: ''}, {fill: {user: '{{.Username}}'}}]",
			Does: "signs in by an HTTP script"},
		{Name: "target.signin.hook", Example: "{exec: [./signin.py, '{{.SignInURL}}']}",
			Does: "a hook that prints wresult"},
		{Name: "target.signin.browser", Example: "auto",
			Does: "signs in by an installed Chromium: `auto`, or its path"},
		{Name: "target.directory.listen", Example: "127.0.0.1:7090",
			Does: "host:port of a fake Entra, `auto` for a free port", Decides: []string{"AAD"}},
		{Name: "target.directory.tenant", Default: "random", Example: "c2f1a7d0-4b1e-4e3c-9f66-0d5a8e7b1c42",
			Does: "its tenant"},
		{Name: "target.directory.audience", Default: "https://mdm.example", Example: "https://mdm.example",
			Does: "the server's application id URI"},
		{Name: "target.directory.version", Default: "1.0", Example: "'2.0'",
			Does: "version of its tokens, 1.0 or 2.0"},
		{Name: "target.directory.client_id", Example: "6f1c2d7e-9d5b-4b3a-8f0e-2c1a7d9e4b60",
			Does: "the server's application id, the audience of v2.0 tokens; with version 1.0 it decides AAD-03", Decides: []string{"AAD-03"}},
		{Name: "target.directory.public", Default: "http:// and `listen`", Example: "http://dmwake.internal:7090",
			Does: "URL by which the server reaches the directory"},
		{Name: "target.directory.life", Default: "an hour", Example: "10m",
			Does: "how long a token is valid"},
		{Name: "target.terms_of_use", Example: "https://mdm.example/TermsOfUse",
			Does: "URL of the terms of use, which devices of a directory open before they enroll", Decides: []string{"AAD-05", "AAD-06", "AAD-07", "AAD-08", "AAD-09", "AAD-10", "AAD-11", "AAD-12", "AAD-13", "AAD-14", "AAD-15"}},
		{Name: "target.provisioned.server", Example: "https://mdm.example/ManagementServer/MDM.svc",
			Does: "where sessions go, for a device that is enrolled already"},
		{Name: "target.provisioned.provider_id", Example: "Example MDM",
			Does: "its PROVIDER-ID"},
		{Name: "target.provisioned.device_id", Example: "1E08C6E95D8BB843B1278FF45BC60CC6",
			Does: "its DeviceID"},
		{Name: "target.provisioned.cert", Example: "./device.pem",
			Does: "PEM file of its client certificate"},
		{Name: "target.provisioned.key", Example: "./device.key",
			Does: "its key"},
		{Name: "target.provisioned.enrollment_url", Example: "https://mdm.example/EnrollmentServer/Enrollment.svc",
			Does: "where it renews its certificate"},
		{Name: "target.provisioned.pfn", Example: "my.app_8wekyb3d8bbwe",
			Does: "the PFN that the server set before"},
		{Name: "target.crowd", Default: "200", Example: "50",
			Does: "how many devices open sessions at once in ROB-10, 2 to 2000", Decides: []string{"ROB-10"}},
		{Name: "target.pace", Default: "no limit", Example: "20",
			Does: "enrollments and sign-ins a minute, for a server that limits them"},
		{Name: "target.shared_device", Example: "true",
			Does: "`true` for a server that allows one test device only"},
		{Name: "wns.mode", Default: "proxy", Example: "hosts",
			Does: "how the server reaches the fake WNS: `proxy`, `hosts` or `direct`"},
		{Name: "wns.listen", Default: "127.0.0.1:7443, with `hosts` 127.0.0.1:443; with `target.push: none` any free port", Example: "auto",
			Does: "address of the fake WNS, or `auto`"},
		{Name: "wns.proxy", Default: "127.0.0.1:7080; with `target.push: none` any free port", Example: "0.0.0.0:auto",
			Does: "address of the proxy, or `auto`"},
		{Name: "wns.ca_dir", Default: ".dmwake", Example: "./lab",
			Does: "where the lab keeps its CA, and the ports that `auto` chose"},
		{Name: "wns.app.pfn", Default: "52314publisher.testwns_t6e9vsyjkrw9w", Example: "my.app_8wekyb3d8bbwe",
			Does: "Package Family Name that the server sets"},
		{Name: "wns.app.sid", Default: "of the lab's app", Example: "ms-app://s-1-15-2-1",
			Does: "Package SID of the server's app"},
		{Name: "wns.app.secret", Default: "of the lab's app", Example: "{file: ./wns-secret}",
			Does: "its client secret"},
		{Name: "wns.app.kind", Default: "classic", Example: "entra",
			Does: "`classic`, `classic-retired` or `entra`"},
		{Name: "wns.app.tenant", Example: "c2f1a7d0-4b1e-4e3c-9f66-0d5a8e7b1c42",
			Does: "tenant of an Entra app"},
		{Name: "wns.app.client_id", Example: "6f1c2d7e-9d5b-4b3a-8f0e-2c1a7d9e4b60",
			Does: "client id of an Entra app"},
		{Name: "wns.token_key", Default: "random", Example: "{env: DMWAKE_TOKEN_KEY}",
			Does: "a secret of 16 characters or more: fake WNSs that share it accept each other's access tokens"},
		{Name: "wns.allow", Example: "[api.mdm.example, '10.0.0.5:8443']",
			Does: "more hosts that the proxy may connect to, `host` or `host:port`"},
		{Name: "wns.faults", Example: "['status=503,Retry-After=5 times=3']",
			Does: "faults that are active from the start, each a line as `dmwake lab --fault` takes it (`dmwake lab --list-faults`)"},
		{Name: "wns.app_rate", Default: "no limit", Example: "50",
			Does: "notifications a second an app may send before it gets 406"},
		{Name: "wns.channel_rate", Default: "no limit", Example: "0.5",
			Does: "notifications a second a channel takes before it is throttled"},
		{Name: "csp.ddf", Example: "./DDFv2.zip",
			Does: "zip of DDF v2 files that say which CSPs and policies the devices have, in place of Microsoft's of February 2025"},
		{Name: "timeouts.request", Default: "30s", Example: "1m",
			Does: "one request of a device"},
		{Name: "timeouts.hook", Default: "10s", Example: "30s",
			Does: "one hook"},
		{Name: "timeouts.push", Default: "15s", Example: "45s",
			Does: "from a trigger to the push, and from there to the session"},
		{Name: "timeouts.quiet", Default: "2s", Example: "3s",
			Does: "how long to watch for unwanted traffic"},
		{Name: "timeouts.latency", Default: "5s", Example: "10s",
			Does: "the longest time from a trigger to the session (PSH-14)", Decides: []string{"PSH-14"}},
		{Name: "timeouts.restart", Default: "30s", Example: "2m",
			Does: "how long the server may be down after a crash or a restart"},
		{Name: "timeouts.signin", Default: "1m", Example: "90s",
			Does: "one sign-in in a browser"},
		{Name: "timeouts.run", Default: "no limit", Example: "20m",
			Does: "the whole run; what remains is reported as not run"},
	}
}

// Type says in words what the key takes; empty if there is no such key.
func (k *Key) Type() (out string) {
	leaves("", reflect.TypeFor[Config](), func(name string, t reflect.Type) {
		if name == k.Name {
			out = takes(t)
		}
	})
	return out
}

// leaves calls f for every key that holds a value. What a hook, a secret or a step
// holds is described elsewhere.
func leaves(prefix string, t reflect.Type, f func(key string, t reflect.Type)) {
	for _, field := range reflect.VisibleFields(t) {
		tag := field.Tag.Get("yaml")
		name, inline, _ := strings.Cut(tag, ",")
		switch {
		case tag == "" || len(field.Index) > 1:
		case inline == "inline":
			leaves(prefix, field.Type, f)
		case field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[Secret]():
			leaves(prefix+name+".", field.Type, f)
		default:
			f(prefix+name, field.Type)
		}
	}
}

// takes says in words what is written for a type.
func takes(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Secret]():
		return "secret"
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[Browser]():
		return "`auto` or a path"
	case reflect.TypeFor[*Hook](), reflect.TypeFor[*TokenHook]():
		return "hook"
	case reflect.TypeFor[*HTTPHook]():
		return "request"
	case reflect.TypeFor[[]SignInStep]():
		return "list of steps"
	case reflect.TypeFor[map[string]string]():
		return "names and texts"
	}
	switch t.Kind() { //nolint:exhaustive // a test finds a key without a type
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "whole number"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "list of texts"
	case reflect.Pointer:
		return takes(t.Elem())
	}
	return ""
}
