package load

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Work is what each push is for.
type Work struct {
	Kind     string // none, get, wipe, app, profile
	Settings int    // of a profile
}

// ParseWork reads "none", "get", "wipe", "app" or "profile:N" with N settings. Its
// errors are OptionErrors for Work.
func ParseWork(s string) (Work, error) {
	if n, ok := strings.CutPrefix(s, "profile:"); ok {
		k, err := strconv.Atoi(n)
		if err != nil || k < 1 || k > 500 {
			return Work{}, optionError("Work", "%q: a profile has 1 to 500 settings", s)
		}
		return Work{Kind: "profile", Settings: k}, nil
	}
	if s != "none" && s != "get" && s != "wipe" && s != "app" {
		return Work{}, optionError("Work", "%q is unknown; choose none, get, wipe, app or profile:N", s)
	}
	return Work{Kind: s}, nil
}

// ParseMix reads what ParseWork reads, or several of it with weights: "get=6,none=10".
func ParseMix(s string) (Mix, error) {
	if !strings.Contains(s, "=") {
		w, err := ParseWork(s)
		return Mix{{w, 1}}, err
	}
	var mix Mix
	for one := range strings.SplitSeq(s, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(one), "=")
		w, err := ParseWork(name)
		if err != nil {
			return nil, err
		}
		v, err := strconv.ParseFloat(weight, 64)
		if err != nil || v <= 0 || math.IsInf(v, 0) {
			return nil, optionError("Work", "%q: the weight of %s is not a number above 0; write it like get=6,none=10", s, name)
		}
		mix = append(mix, Weighted{w, v})
	}
	return mix, nil
}

// Text is the work as ParseWork reads it.
func (w Work) Text() string {
	if w.Kind == "profile" {
		return fmt.Sprintf("profile:%d", w.Settings)
	}
	return w.Kind
}

// Commands is the number of commands per push.
func (w Work) Commands() int {
	switch w.Kind {
	case "get", "wipe":
		return 1
	case "app":
		return 2
	case "profile":
		return w.Settings
	}
	return 0
}

// The nodes of the work, without the root: servers write ./Vendor or
// ./Device/Vendor as they like.
const (
	getNode  = "/DevDetail/URI/MaxSegLen"
	wipeNode = "/RemoteWipe/"
	appNode  = "/EnterpriseDesktopAppManagement/MSI/"
)

// The app that the work "app" installs: an MSI package, by Add and Exec of its
// DownloadInstall node (Learn, "EnterpriseDesktopAppManagement CSP"). Simulated devices
// download nothing.
const (
	appProduct = "%7B6F7CB29F-1319-4816-B345-0856916EB801%7D"
	appJob     = `<MsiInstallJob id="{6F7CB29F-1319-4816-B345-0856916EB801}"><Product Version="1.0.0"><Download><ContentURLList><ContentURL>https://apps.example/app.msi</ContentURL></ContentURLList></Download>` +
		`<Enforcement><CommandLine>/quiet</CommandLine><TimeOut>10</TimeOut><RetryCount>1</RetryCount><RetryInterval>5</RetryInterval></Enforcement></Product></MsiInstallJob>`
)

// commands returns the commands of one wake-up.
func (w Work) commands() (out []lab.Command) {
	switch w.Kind {
	case "get":
		return []lab.Command{{Verb: syncml.Get, LocURI: "." + getNode}}
	case "wipe":
		return []lab.Command{lab.RemoteWipe}
	case "app":
		const node = "./Device/Vendor/MSFT" + appNode + appProduct + "/DownloadInstall"
		return []lab.Command{{Verb: syncml.Add, LocURI: node}, {Verb: syncml.Exec, LocURI: node, Format: "xml", Data: appJob}}
	case "profile":
		for k := range w.Settings {
			out = append(out, lab.Command{Verb: syncml.Replace, LocURI: "./Vendor/MSFT/Policy/Config/" + settings[k%len(settings)], Format: "int", Data: fmt.Sprint(k % 2)})
		}
	}
	return out
}

// workKinds are the kinds of work that a session is searched for.
var workKinds = [...]string{"get", "wipe", "app", "profile"}

// delivery says, for each of workKinds, which of the server's messages in a session
// delivered the last of it, counted from 0; -1 if none did.
type delivery [len(workKinds)]int

// deliveredIn searches a session for the kinds of work that a run uses.
func deliveredIn(s *dmclient.Session, used func(kind string) bool) (d delivery) {
	for k, kind := range workKinds {
		d[k] = -1
		if !used(kind) {
			continue
		}
		w := Work{Kind: kind}
		for i := range s.Commands {
			if c := &s.Commands[i]; c.Msg > d[k] && w.isFor(c.LocURI) {
				d[k] = c.Msg
			}
		}
	}
	return d
}

// of is the message that delivered the last of this work; -1 if none did.
func (d *delivery) of(w Work) int {
	for k, kind := range workKinds {
		if kind == w.Kind {
			return d[k]
		}
	}
	return -1
}

// last is the message that delivered the last of any work.
func (d *delivery) last() int { return slices.Max(d[:]) }

func (w Work) isFor(locURI string) bool {
	hasSuffixFold := func(s, suffix string) bool {
		return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
	}
	switch w.Kind {
	case "get":
		return hasSuffixFold(locURI, getNode)
	case "wipe": // any kind of wipe
		return strings.Contains(strings.ToLower(locURI), strings.ToLower(wipeNode))
	case "app":
		return strings.Contains(strings.ToLower(locURI), strings.ToLower(appNode))
	case "profile":
		return isSetting(locURI)
	}
	return false
}
