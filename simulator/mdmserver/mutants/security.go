package mutants

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of who is let in, and of what others learn.
var (
	SecNoCert = &Mutant{"sec-no-cert", "believes the Source if no certificate arrives", func(t *tamper) {
		identify(t, func(c *mdmserver.Caller) {
			if hook.ClientCert(c.Request) == nil {
				c.ID, c.Refusal = "", nil
			}
		})
	}}
	SecSessionTrusted = &Mutant{"sec-session-trusted", "believes the Source of a message whose SessionID it knows", func(t *tamper) {
		var known hook.Set
		identify(t, func(c *mdmserver.Caller) {
			m, err := syncml.Read(hook.Read(c.Request).In)
			if err != nil {
				return
			}
			session := m.Hdr.Source.LocURI + " " + m.Hdr.SessionID
			switch {
			case c.Refusal == nil:
				known.Add(session)
			case hook.ClientCert(c.Request) == nil && known.Has(session):
				c.ID, c.Refusal = "", nil
			}
		})
	}}
	SecAnyCA = &Mutant{"sec-any-ca", "accepts certificates of any issuer", func(t *tamper) {
		identify(t, func(c *mdmserver.Caller) {
			if cert := hook.ClientCert(c.Request); cert != nil {
				c.ID, c.Refusal = cert.Subject.CommonName, nil
			}
		})
	}}
	SecExpired = &Mutant{"sec-expired", "accepts certificates that expired", func(t *tamper) {
		identify(t, func(c *mdmserver.Caller) {
			var invalid x509.CertificateInvalidError
			if errors.As(c.Refusal, &invalid) && invalid.Reason == x509.Expired {
				c.ID, c.Refusal = hook.ClientCert(c.Request).Subject.CommonName, nil
			}
		})
	}}
	SecSource = &Mutant{"sec-source", "takes the SyncHdr Source for the identity", func(t *tamper) {
		identify(t, func(c *mdmserver.Caller) { c.ID = "" })
	}}
	SecSignature = &Mutant{"sec-signature", "does not check MS-Signature", func(t *tamper) {
		t.Identify = append(t.Identify, func(c *mdmserver.Caller) {
			if c.Body != nil {
				c.Refusal = nil
			}
		})
	}}
	SecChallengeAny = &Mutant{"sec-challenge-any", "challenges the first message, then serves anyone", func(t *tamper) {
		identify(t, func(c *mdmserver.Caller) { c.ID, c.Refusal = "", nil })
		t.Admit = append(t.Admit, func(v *mdmserver.Visit, a *mdmserver.Admission) {
			switch {
			case a.Kind != "" && a.Code != syncml.InvalidCredential:
			case v.In.Hdr.Cred != nil:
				a.Code, a.Challenge = syncml.AuthAccepted, a.Kind == mdmserver.AuthMD5
			default:
				a.Code, a.Kind, a.Challenge = syncml.MissingCredential, mdmserver.AuthBasic, true
			}
		})
	}}
	SecUnenrolled = &Mutant{"sec-unenrolled", "serves a device that left", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			for i := range v.In.Body {
				if c := &v.In.Body[i]; hook.Unenrolls(c) {
					c.Items = nil
				}
			}
			return 0
		})
	}}
	SecLeak = &Mutant{"sec-leak", "sends what one device answered to others", func(t *tamper) {
		leaked, told := "", map[*mdmserver.Device]bool{}
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			for i := range v.In.Body {
				for _, it := range v.In.Body[i].Items {
					if v.In.Body[i].Verb == syncml.Results && strings.HasPrefix(it.Data, "dmwake-") {
						leaked = it.Data
					}
				}
			}
			return 0
		})
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if leaked == "" || strings.HasSuffix(leaked, v.Device.ID) || told[v.Device] || !hook.Planning(v) {
				return
			}
			told[v.Device] = true
			r.Plan = append(r.Plan, mdmserver.Planned{Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush},
				Command: hook.Command(syncml.Replace, "./DevDetail/Ext/Microsoft/DeviceName", "chr", leaked)})
		})
	}}
	SecXXE = &Mutant{"sec-xxe", "fetches external entities", func(t *tamper) {
		entity := regexp.MustCompile(`SYSTEM "(http://[^"]+)"`)
		hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int {
			if m := entity.FindSubmatch(x.In); m != nil {
				if resp, err := http.Get(string(m[1])); err == nil { //nolint:noctx // this is the mutant
					resp.Body.Close()
				}
			}
			return 0
		})
	}}
	SecDoctypeDies = &Mutant{"sec-doctype-dies", "holds no more sessions with a device that sent a DOCTYPE", func(t *tamper) {
		var wedged hook.Set
		hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int {
			if wedged.Has(x.Device()) {
				return http.StatusForbidden
			}
			if bytes.Contains(x.In, []byte("<!DOCTYPE")) {
				wedged.Add(x.Device())
			}
			return 0
		})
	}}
	SecPage = &Mutant{"sec-page", "writes login_hint into its page as it arrives", func(t *tamper) {
		hello := func(user func(*hook.Exchange) string) func(*hook.Exchange) {
			return func(x *hook.Exchange) {
				if x.Status == http.StatusOK {
					x.Reply = append(fmt.Appendf(nil, "<p>Hello %s</p>", user(x)), x.Reply...)
				}
			}
		}
		hook.After(t, http.MethodGet, mdmserver.SignInPath, hello(func(x *hook.Exchange) string { return x.URL.Query().Get("login_hint") }))
		hook.After(t, http.MethodPost, mdmserver.SignInPath, hello(func(x *hook.Exchange) string {
			form, err := url.ParseQuery(string(x.In))
			if err != nil {
				return ""
			}
			return form.Get("user")
		}))
	}}
	SecTLS = &Mutant{"sec-tls", "speaks TLS 1.0", func(t *tamper) {
		t.TLS = append(t.TLS, func(c *tls.Config) { c.MinVersion = tls.VersionTLS10 })
	}}
	SecRC4 = &Mutant{"sec-rc4", "accepts RC4", func(t *tamper) {
		t.TLS = append(t.TLS, func(c *tls.Config) {
			for _, suite := range tls.CipherSuites() {
				c.CipherSuites = append(c.CipherSuites, suite.ID)
			}
			c.CipherSuites = append(c.CipherSuites, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA)
		})
	}}

	SecJWTKey = &Mutant{"sec-jwt-key", "does not check a token's signature", func(t *tamper) {
		onToken(t, func(_ *mdmserver.Entra, token string) bool {
			_, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
			return err == nil
		})
	}}
	SecJWTAlg = jwtMutant("sec-jwt-alg", "accepts tokens with alg none", "alg")
	SecJWTAud = jwtMutant("sec-jwt-aud", "does not check a token's aud", "aud")
	SecJWTIss = jwtMutant("sec-jwt-iss", "does not check a token's iss", "iss")
	SecJWTTid = jwtMutant("sec-jwt-tid", "does not check a token's tenant", "iss", "tid") // the issuer's name holds the tenant
	SecJWTExp = jwtMutant("sec-jwt-exp", "accepts tokens that expired", "exp")
)

var security = []*Mutant{
	SecNoCert, SecSessionTrusted, SecAnyCA, SecXXE, SecChallengeAny, SecDoctypeDies, SecName, SecTrace, SecSource, SecExpired, SecUnenrolled, SecJWTAlg, SecJWTKey,
	SecJWTAud, SecJWTIss, SecJWTTid, SecJWTExp, SecPage, SecLeak, SecCSR, SecTLS, SecRC4, SecSignature, Sec401Commands, SecGarbage,
}

// identify lets f decide after the client certificate was checked.
func identify(t *tamper, f func(*mdmserver.Caller)) {
	t.Identify = append(t.Identify, func(c *mdmserver.Caller) {
		if c.Body == nil {
			f(c)
		}
	})
}

// onToken lets f accept a directory's token that the server refused.
func onToken(t *tamper, f func(e *mdmserver.Entra, token string) bool) {
	t.Authenticate = append(t.Authenticate, func(x *mdmserver.Enrollment) {
		if x.Fault != nil && x.Config.Entra != nil && x.Envelope.Token != nil && f(x.Config.Entra, string(x.Envelope.Token)) {
			x.Fault = nil
		}
	})
}

// jwtMutant leaves out the checks of these claims.
func jwtMutant(name, does string, unchecked ...string) *Mutant {
	return &Mutant{name, does, func(t *tamper) {
		onToken(t, func(e *mdmserver.Entra, token string) bool { return believes(e, token, unchecked...) })
	}}
}

// believes reports whether a server takes a token that does not check these claims.
func believes(e *mdmserver.Entra, token string, unchecked ...string) bool {
	checked := func(claim string) bool { return !slices.Contains(unchecked, claim) }
	opts := []jwt.ParserOption{jwt.WithValidMethods([]string{"RS256"})}
	if !checked("alg") {
		opts = append(opts, jwt.WithValidMethods([]string{"RS256", "none"}))
	}
	if checked("exp") {
		opts = append(opts, jwt.WithExpirationRequired())
	} else {
		opts = append(opts, jwt.WithLeeway(240*time.Hour))
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(k *jwt.Token) (any, error) {
		if k.Method == jwt.SigningMethodNone {
			return jwt.UnsafeAllowNoneSignatureType, nil
		}
		kid, _ := k.Header["kid"].(string) // an empty kid is unknown
		return e.Key(kid)
	}, opts...)
	issuer, _ := claims.GetIssuer()     // an empty one is nobody's
	audience, _ := claims.GetAudience() // as above
	return err == nil && (!checked("tid") || claims["tid"] == e.Tenant) && slices.ContainsFunc(e.Names(), func(n mdmserver.TokenNames) bool {
		return (!checked("iss") || n.Issuer == issuer) && (!checked("aud") || slices.Contains(audience, n.Audience))
	})
}
