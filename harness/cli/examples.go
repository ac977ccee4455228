package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// samples are the examples in the help of commands, by command. A test reads each as the
// command would.
var samples = map[string]string{
	"dmwake test": `dmwake test                                      # the suite against the embedded reference server
dmwake test --config dmwake.yaml                 # against yours
dmwake test --config dmwake.yaml --area PFN,CHN  # two areas
dmwake test --config dmwake.yaml --only PFN-03   # one scenario
dmwake test --config dmwake.yaml --html report.html --junit report.xml
dmwake test --mutant pfn-atomic                  # what a broken server looks like`,
	"dmwake init": `dmwake init                                      # asks what it needs
dmwake init --preset reference                   # for "dmwake mdm"
dmwake init --list-presets`,
	"dmwake doctor": `dmwake doctor
dmwake doctor --config staging.yaml`,
	"dmwake mdm": `dmwake mdm --wns https://127.0.0.1:7443
dmwake mdm --listen auto --admin auto --ready ready.json
dmwake mdm --mutant pfn-atomic                   # broken on purpose
dmwake mdm --list-mutants`,
	"dmwake lab": `dmwake lab                                       # prints the environment that your server needs
dmwake lab -- ./your-server --port 8443          # starts it in that environment
dmwake lab --fault "status=503,Retry-After=5 times=3"
dmwake lab --state lab.db                        # channels outlive a restart`,
	"dmwake push": `dmwake push --device DESKTOP-1A2B3C4 --control http://127.0.0.1:7081
dmwake push --channel "https://127.0.0.1:7443/?token=AwYAAAB"`,
	"dmwake explain": `dmwake explain 418
dmwake explain 0x80180006
dmwake explain wns 410
dmwake explain -2016345612
dmwake explain --list`,
	"dmwake csp": `dmwake csp ./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera
dmwake csp search bitlocker
dmwake csp check profile.xml --build 22631`,
	"dmwake csp check": `dmwake csp check profile.xml
dmwake csp check profile.xml --build 22631`,
	"dmwake csp list": `dmwake csp list
dmwake csp list BitLocker`,
	"dmwake csp search": `dmwake csp search allow camera`,
	"dmwake repro": `dmwake repro                                     # lists them
dmwake repro add-pfn-418
dmwake repro wns-500 --config dmwake.yaml`,
	"dmwake report": `dmwake report diff yesterday.json today.json`,
	"dmwake report diff": `dmwake report diff yesterday.json today.json
dmwake report diff yesterday.json today.json --html changes.html`,
	"dmwake report merge": `dmwake report merge one.json two.json --json all.json`,
	"dmwake read":         `dmwake read server.log`,
	"dmwake health": `dmwake health http://127.0.0.1:7081              # of dmwake lab
dmwake health http://127.0.0.1:8444              # of dmwake mdm
dmwake health --ready ready.json                 # of either, by the file of its --ready`,
	"dmwake man":     `dmwake man ~/.local/share/man/man1`,
	"dmwake replay":  `dmwake replay session.json --config dmwake.yaml`,
	"dmwake version": `dmwake version`,
	"dmwake load": `dmwake load --devices 1000 --rate 200 --duration 1m --work get
dmwake load --config dmwake.yaml --devices 500 --rate 50..500 --duration 5m --html load.html
dmwake load --config dmwake.yaml --devices 2000 --storm --work profile:20
dmwake load --config dmwake.yaml --rate 100 --expect 'p99<2s' --expect 'lost==0'
dmwake load --config dmwake.yaml --devices 5000 --find 'p99<2s'   # the highest rate that holds
dmwake load --config dmwake.yaml --plan fleet.yaml --dry-run`,
	"dmwake load compare-delivery": `dmwake load compare-delivery --devices 10 --speed 480
dmwake load compare-delivery --config dmwake.yaml --pid 4242 --devices 200 --markdown delivery.md`,
	"dmwake load compare": `dmwake load compare yesterday.json today.json`,
	"dmwake load merge":   `dmwake load merge one.json two.json three.json --html all.html`,
	"dmwake load verify":  `dmwake load verify one.json two.json`,
	"dmwake device":       `dmwake device enroll --config dmwake.yaml --count 10`,
	"dmwake device adopt": `dmwake device adopt --server https://mdm.example/ManagementServer/MDM.svc --provider-id MDM --cert device.pem --key device.key`,
	"dmwake device enroll": `dmwake device enroll --config dmwake.yaml --count 10
dmwake device enroll --discovery https://mdm.example/EnrollmentServer/Discovery.svc --username demo@mdm.example --ca ca.pem
dmwake device enroll --config dmwake.yaml --profile win11-24h2`,
	"dmwake device run": `dmwake device run                                # polls and answers pushes, until interrupted
dmwake device run --link http://127.0.0.1:7081   # pushes of a lab in another process`,
	"dmwake device sync": `dmwake device sync                               # all devices
dmwake device sync DESKTOP-1A2B3C4 --verbose`,
	"dmwake device set":      `dmwake device set 1 ./DevDetail/SwV=10.0.26100.1`,
	"dmwake device list":     `dmwake device list`,
	"dmwake device show":     `dmwake device show 1`,
	"dmwake device compare":  `dmwake device compare recorded.jsonl`,
	"dmwake device wipe":     `dmwake device wipe 3`,
	"dmwake device unenroll": `dmwake device unenroll DESKTOP-1A2B3C4`,
	"dmwake device faults":   `dmwake device faults`,
	"dmwake device quirks":   `dmwake device quirks`,
}

// addSamples sets the examples of all commands.
func addSamples(c *cobra.Command) {
	if text, ok := samples[c.CommandPath()]; ok {
		c.Example = indented(text)
	}
	for _, k := range c.Commands() {
		addSamples(k)
	}
}

// indented sets every line in by two blanks, as cobra shows its own.
func indented(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }
