package mutants

import (
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const (
	camera  = "/Vendor/MSFT/Policy/Config/Camera/AllowCamera"
	taskbar = "/Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar" // of users only
)

// Mutants that send commands which no Windows takes, by Microsoft's description of the
// CSPs. The message around them is right.
var (
	CspBuild = &Mutant{"csp-build", "sets a policy of Windows 11 24H2 on every device", func(t *tamper) {
		once(t, hook.Command(syncml.Replace, "./Device/Vendor/MSFT/Policy/Config/WindowsAI/DisableAIDataAnalysis", "int", "1"))
	}}
	CspOperation = &Mutant{"csp-operation", "replaces a node that can only be read", func(t *tamper) {
		once(t, hook.Command(syncml.Replace, "./DevDetail/Ext/Microsoft/OSPlatform", "chr", "Windows 12"))
	}}
	CspFormat = &Mutant{"csp-format", "sends a policy of format int as chr", func(t *tamper) {
		once(t, hook.Command(syncml.Replace, "./Device"+camera, "chr", "1"))
	}}
	CspValue = &Mutant{"csp-value", "sends 2 to a policy with the values 0 and 1", func(t *tamper) {
		once(t, hook.Command(syncml.Replace, "./Device"+camera, "int", "2"))
	}}
	CspADMX = &Mutant{"csp-admx", "sends 1 to an ADMX-backed policy", func(t *tamper) {
		once(t, hook.Command(syncml.Replace, "./Device/Vendor/MSFT/Policy/Config/AppVirtualization/AllowAppVClient", "chr", "1"))
	}}
	CspScopeUser = &Mutant{"csp-scope-user", "sets a policy of the device below ./User", func(t *tamper) {
		once(t, hook.Command(syncml.Replace, "./User"+camera, "int", "1"))
	}}
	CspScopeDevice = &Mutant{"csp-scope-device", "sets a policy of users below ./Device", func(t *tamper) {
		once(t, hook.Command(syncml.Replace, "./Device"+taskbar, "chr", "<enabled/>"))
	}}
	CspScopeNone = &Mutant{"csp-scope-none", "leaves out what stands before the policy's area in a LocURI", func(t *tamper) {
		once(t, hook.Command(syncml.Replace, "./Camera/AllowCamera", "int", "1"))
	}}
	CspCertificateBare = &Mutant{"csp-certificate-bare", "enrolls a client certificate without an Atomic", func(t *tamper) {
		once(t, hook.Command(syncml.Add, "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/dmwake", "node", ""))
	}}
)

var nodes = []*Mutant{CspBuild, CspOperation, CspFormat, CspValue, CspADMX, CspScopeUser, CspScopeDevice, CspScopeNone, CspCertificateBare}
