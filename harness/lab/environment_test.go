package lab

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/target"
)

// TestEnvironmentByLanguage: --print-env and doctor name the same variables, and each
// that is named is set.
func TestEnvironmentByLanguage(t *testing.T) {
	cfg := &target.Config{}
	cfg.Defaults()
	env := Environment(cfg, &intercept.Trust{CA: "/x/ca.pem", Bundle: "/x/bundle.pem", Java: "/x/truststore.p12"})
	l := &Lab{}
	_, do := l.Unreached([]*fakewns.Entry{{Kind: fakewns.Attempt, Cause: intercept.Untrusted}})
	for variable, software := range map[string]string{
		"SSL_CERT_FILE=/x/bundle.pem": "Ruby", "NODE_EXTRA_CA_CERTS=/x/ca.pem": "Node", "DENO_CERT=/x/ca.pem": "Deno", "REQUESTS_CA_BUNDLE=/x/bundle.pem": "requests",
		"CURL_CA_BUNDLE=/x/bundle.pem": "curl", "JAVA_TOOL_OPTIONS='-Djavax.net.ssl.trustStore=/x/truststore.p12": "Java",
	} {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.Contains(env, "\nexport "+variable) {
			t.Errorf("no %s in\n%s", variable, env)
		}
		for what, text := range map[string]string{"--print-env": env, "doctor": do} {
			if _, after, _ := strings.Cut(text, name+" for "); !strings.Contains(after, software) {
				t.Errorf("%s does not say that %s is for %s: %s", what, name, software, text)
			}
		}
	}
	for what, text := range map[string]string{"--print-env": env, "doctor": do} {
		if !strings.Contains(text, "curl.cainfo") || !strings.Contains(text, "php.ini") {
			t.Errorf("%s says nothing about PHP's curl: %s", what, text)
		}
	}
}
