package doctor

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// serviceURL is what names the service of a step in the Discover reply (MS-MDE2
// 3.1.4.1.3.2).
var serviceURL = map[string]string{enroll.StepPolicies: "EnrollmentPolicyServiceUrl", enroll.StepToken: "EnrollmentServiceUrl"}

// refused says why a device did not enroll, and what to do.
func (p *patient) refused(err error) Finding {
	f := bad(err.Error(), "to see the messages, run: dmwake device enroll -v, with the same discovery and user")
	var hook *target.HookError
	f.Reach = !errors.As(err, &hook)
	if excused := lab.Excuse(err); excused != nil {
		f.Saw, f.Do = excused.What, excused.Do
		return f
	}
	var e *enroll.Error
	if errors.As(err, &e) && e.Step == enroll.StepSignIn && !e.Refused() {
		f.Do = "if a person would do more on that page than enter name and password: " + lab.TokenDo
	}
	if errors.As(err, &e) && e.Status == http.StatusNotFound && serviceURL[e.Step] != "" {
		f.Do = fmt.Sprintf("serve %s where %s of the Discover reply says, or let it name another address", e.Step, serviceURL[e.Step])
	}
	if errors.As(err, &e) && e.Refused() {
		f.Do = "check target.username and target.password"
		switch {
		case p.lab.Directory != nil:
			f.Do = fmt.Sprintf("set the server's directory to tenant %s, issuer %s, audience %s, keys %s", p.lab.Directory.Tenant(), p.lab.Directory.Issuer(), p.lab.Directory.Audience(), p.lab.Directory.KeysURL())
		case p.t.Hooks.Token != nil:
			f.Do = "check what the token hook prints: audience, tenant and expiry"
		case p.t.Certificate.Cert != "":
			f.Do = "check that the server trusts the issuer of target.certificate"
		}
	}
	return f
}
