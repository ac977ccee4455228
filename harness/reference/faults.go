package reference

import (
	"slices"
	"strings"

	wnsfaults "github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/entra"
)

// faultsPage is the page of what devices and the fake WNS can do wrong.
func faultsPage() *page {
	p := begin("faults.md", "Faults and quirks", "every fault of devices and of the fake WNS, every quirk of Windows versions, bad tokens and attestations")
	p.f("A **fault** is a way to misbehave that you switch on. A **quirk** is how a version of Windows differs.\n\n" +
		"## How a fault is written\n\n" +
		"    line  = fault *( blank word )\n" +
		"    fault = name [ \"=\" argument ]      such as status=503,Retry-After=5\n" +
		"    word  = key \"=\" value              such as times=3; faults of the fake WNS only\n\n" +
		"A value with blanks or commas stands in double quotes, where `\\\"` is a quote and `\\\\` a backslash. An argument in brackets may be left out; its default is in parentheses.\n\n" +
		"## Faults of devices\n\n`dmwake device enroll`, `sync` and `run` take `--fault NAME[=ARGUMENT]`, any number of times. The API of `dmwake lab` takes them, too: [lab](../lab.md#devices-by-api).\n")
	p.head("fault", "argument", "the device")
	for _, k := range faults.All() {
		p.row(p.named("device-"+k.Name, k.Name, "fault of devices", k.Does), argument(k.Arg), escaped(k.Does))
	}
	p.f("\n## Faults of the fake WNS\n\n`dmwake lab --fault 'LINE'`, `wns.faults` in [dmwake.yaml](config.md#wns.faults), and the API of `dmwake lab` take them.\n\n    dmwake lab --fault 'status=503,Retry-After=5 times=3'\n")
	p.head("fault", "argument", "of a", "WNS")
	for _, k := range wnsfaults.All() {
		p.row(p.named("wns-"+k.Name, k.Name, "fault of WNS", k.Does), argument(k.Arg), string(k.On), escaped(k.Does))
	}
	p.f("\n### Words after a fault of the fake WNS\n")
	p.head("word", "which requests, how often, how long")
	for _, w := range wnsfaults.Words() {
		p.row(p.named("word-"+w.Key, w.Key+"=", "word of a fault of WNS", w.Means), escaped(w.Means))
	}
	p.f("\n## Quirks\n\n`--quirk NAME` of `dmwake device`, and `target.quirks`, switch one on; `-NAME` switches it off (`--quirk=-NAME`).\n")
	p.head("quirk", "known", "the device", "profiles that have it")
	for _, q := range dmclient.QuirkList() {
		var has []string
		for _, w := range dmclient.Profiles() {
			if slices.Contains(w.Quirks.Active(), q.Name) {
				has = append(has, w.Name)
			}
		}
		p.row(p.named("quirk-"+q.Name, q.Name, "quirk", q.Does), string(q.Strength), escaped(q.Does), list(has, toProfile))
	}
	p.f("\n## Tokens of a fake directory\n\n`--entra-token KIND` of `dmwake device enroll`, `sync` and `run`. A server must refuse all but the first.\n")
	p.head("kind", "the token")
	for _, k := range append([]entra.Kind{entra.Good}, entra.BadKinds()...) {
		p.row(p.named("token-"+string(k), string(k), "token of a fake directory", k.Means()), escaped(k.Means()))
	}
	p.f("\n## Attestations of the key\n\n`--attestation KIND` of `dmwake device enroll`: what a device says of its key if the server asks for it (EnrollmentVersion 5.0 or later). No TPM makes it: [devices](../devices.md).\n")
	p.head("kind", "the device sends")
	for _, a := range dmclient.Attestations() {
		p.row(p.named("attestation-"+string(a), string(a), "attestation", a.Means()), escaped(a.Means()))
	}
	return p
}

func argument(arg string) string {
	if arg == "" {
		return ""
	}
	return code(strings.ReplaceAll(arg, "|", " or "))
}

func toDeviceFault(spec string) string {
	name, _, _ := strings.Cut(spec, "=")
	return link(code(spec), "faults.md#device-"+name)
}

func toWNSFault(line string) string {
	name, _, _ := strings.Cut(strings.Fields(line)[0], "=")
	return link(code(line), "faults.md#wns-"+name)
}

func toQuirk(name string) string {
	return link(code(name), "faults.md#quirk-"+strings.TrimPrefix(name, "-"))
}
