package redact

import (
	"regexp"
	"strings"
)

// secretNodes hold a secret that their name does not tell: keys and passwords in XML,
// challenges, channel URIs, PINs (Learn, the pages of the CSPs).
var secretNodes = map[string]bool{
	"wlanxml": true, "lanxml": true, "profilexml": true, "customconfiguration": true, "eap/configuration": true, "aauthdata": true, "challenge": true,
	"channeluri": true, "newpinvalue": true, "pfxcertblob": true, "cert0": true, "cert1": true, "pin": true, "psk": true, "l2tppsk": true,
}

// secretWords are in the names of nodes, parameters and fields that hold a secret.
// What stands before or after them does not matter, see harmlessValue.
var secretWords = []string{"secret", "password", "passwd", "passphrase", "passcode", "pwd", "psk", "presharedkey", "privatekey", "sharedkey", "accesskey", "apikey", "productkey",
	"keymaterial", "credential", "token", "assertion", "wresult", "cookie"}

// secretName reports whether a name says that it names a secret. The word may be within
// it, so that AUTHSECRET, SMTPALTPASSWORD and UserPassword1 are found.
func secretName(name string) bool {
	low := lower(name)
	switch {
	case secretNodes[low]:
		return true
	case low == "privatekeycontainer": // of the certificate store in a provisioning document: a name
		return false
	}
	for _, w := range secretWords {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

// Node reports whether a node of the management tree may hold a secret, by its name.
// Microsoft's DDF files do not say which nodes do.
func Node(locURI string) bool {
	path, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(locURI), "/"), "?")
	at := strings.LastIndexByte(path, '/')
	name := path[at+1:]
	if secretName(name) {
		return true
	}
	parent := path[strings.LastIndexByte(path[:max(at, 0)], '/')+1:]
	return secretNodes[lower(parent)]
}

var (
	smallValue = regexp.MustCompile(`^(?:-?[0-9]{1,4}|(?i:true|false)|<(?i:enabled|disabled)/>)$`)
	uriToken   = regexp.MustCompile(`(?i)[?&]token=`)
)

// harmlessValue reports whether the value of a node with such a name is none: the
// numbers and switches of policies (DevicePasswordEnabled, MinDevicePasswordLength), a
// switch (RememberCredentials), or a number whose name goes on after the word
// (PasswordAgeDays, PFXCertPasswordEncryptionType).
func harmlessValue(locURI, value string) bool {
	value = strings.TrimSpace(value)
	low := lower(locURI)
	name := low[strings.LastIndexByte(low, '/')+1:]
	switch {
	case value == "", value == Hidden, strings.Contains(low, "/policy/") && smallValue.MatchString(value):
		return true
	case secretNodes[name]:
		return false
	}
	// Nobody's token is as short, but a password may be.
	return smallValue.MatchString(value) && (!endsSecret(name) || strings.HasSuffix(name, "credentials") || strings.HasSuffix(name, "token"))
}

// endsSecret reports whether a name, in lower case, ends with what it holds.
func endsSecret(name string) bool {
	for _, w := range secretWords {
		if strings.HasSuffix(strings.TrimRight(name, "s0123456789"), strings.TrimSuffix(w, "s")) {
			return true
		}
	}
	return false
}

// Value is the value of a node as it may be shown.
func Value(locURI, value string) string {
	switch {
	case !Node(locURI) || harmlessValue(locURI, value):
		return Text(value)
	case uriToken.MatchString(value):
		if shown := Text(value); shown != value {
			return shown // a channel URI keeps its host
		}
	}
	return Hidden
}
