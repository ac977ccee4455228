package target

import "reflect"

// HookKeys lists every key of a hook, in the order of the document.
func HookKeys() []Key {
	return []Key{
		{Name: "http.url", Example: "https://mdm.example/api/devices/{{.DeviceID}}/push", Does: "where the request goes"},
		{Name: "http.method", Default: "POST", Example: "PUT", Does: "its method"},
		{Name: "http.headers", Example: `{Authorization: 'Bearer {{env "MDM_API_TOKEN"}}'}`, Does: "its headers"},
		{Name: "http.body", Example: `'{"revision": {{.N}}}'`, Does: "its body"},
		{Name: "exec", Example: "[./wipe.sh, '{{.DeviceID}}']", Does: "the command and its arguments, in place of `http`; no shell"},
		{Name: "timeout", Default: "`timeouts.hook`; of `signin.hook`, `timeouts.signin`", Example: "30s", Does: "how long it may take"},
		{Name: "output", Default: "the answer itself", Example: `'{{field "hosts.0.id" .Output}}'`, Does: "makes what the hook prints of what the server answers; for `token`, `lookup`, `active` and `signin.hook`"},
		{Name: "verbs", Default: "any", Example: "[Add, Replace, Exec]", Does: "which verbs `queue` takes: Add, Replace, Get, Delete, Exec"},
		{Name: "formats", Default: "any", Example: "[chr, int]", Does: "which formats `queue` takes: b64, bin, bool, chr, date, float, int, node, null, time, xml"},
		{Name: "value_type", Default: "that of a JWT", Example: "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentUserToken", Does: "of `token`: the ValueType of the BinarySecurityToken"},
		{Name: "after", Default: "enrollment", Example: "session", Does: "of `enrolled`: `enrollment`, or `session` for right after the first one"},
	}
}

// HookType says in words what a key of a hook takes; empty if there is no such key.
func HookType(key string) string {
	return typeIn(key, reflect.TypeFor[TokenHook](), reflect.TypeFor[HTTPHook]())
}

// StepKeys lists every key of a step of target.signin.steps, in the order of the document.
func StepKeys() []Key {
	return []Key{
		{Name: "get", Example: "''", Does: "opens an address; empty, the sign-in page itself"},
		{Name: "fill", Example: "{org: contoso, user: '{{.Username}}'}", Does: "fills in and submits the form with these inputs"},
		{Name: "form", Default: "the one with these inputs", Example: "login", Does: "of `fill`: the form, by its id, name or action"},
		{Name: "follow", Example: "Sign in with a password", Does: "opens the link whose text, id or address contains this"},
		{Name: "post", Example: "/api/login", Does: "sends what the page's script would send to this address"},
		{Name: "body", Example: `'{"user": {{json .Username}}}'`, Does: "of `post`: what is sent, JSON if it begins with a brace"},
		{Name: "take", Example: `'"wresult":"([^"]+)"'`, Does: "takes wresult from the last reply by a regular expression; not needed if a page has the form with wresult"},
	}
}

// StepType says in words what a key of a step takes; empty if there is no such key.
func StepType(key string) string { return typeIn(key, reflect.TypeFor[SignInStep]()) }

// typeIn is what a key takes in the first of the types that has it. A key of a type
// after the first one stands below http.
func typeIn(key string, types ...reflect.Type) (out string) {
	for i, t := range types {
		leaves([]string{"", "http."}[i], t, func(name string, t reflect.Type) {
			if name == key {
				out = takes(t)
			}
		})
	}
	return out
}

// Described is a hook of target.hooks, for documents.
type Described struct {
	Name    string
	Does    string
	Without string // what happens if it is not set
}

// HookList lists the hooks, in the order of the document.
func HookList() []Described {
	return []Described{
		{"queue", "queues the command `.Verb` `.LocURI` `.Format` `.Data`; `verbs` and `formats` say what the queue takes", "`work` decides most of PSH, ERR and SES; a few scenarios need a command of their own"},
		{"work", "gives the device anything to do: applies a profile, runs a script", "`queue` or `lock` is used; without any of them, PSH and half of ERR and SES are skipped"},
		{"push", "makes the server push to the device", "WNS and PSH are skipped; not needed with `target.push_on_queue: true`"},
		{"wipe", "wipes the device", "dmwake queues the Exec of RemoteWipe"},
		{"lock", "locks the device", "dmwake queues the Exec of RemoteLock"},
		{"active", "prints the DeviceIDs of all managed devices; or with `lookup` the server's own ids", "PSH-07 is skipped"},
		{"unenroll", "ends the management of the device", "PFN-14 and ERR-05 are skipped"},
		{"link", "has the server set up the linked enrollment of the device", "WDC listens: it does not apply to a server that sets up none by itself"},
		{"restart", "restarts the server; it may return before the server is up", "ROB-11 is skipped"},
		{"token", "prints the token that devices send to enroll", "devices sign in with `target.username`"},
		{"lookup", "prints the server's own id of the device, which is then `.ServerID`", "hooks cannot use `.ServerID`"},
		{"enrolled", "runs after each enrollment, before the first session; with `after: session` right after the first session", ""},
	}
}
