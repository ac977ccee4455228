package csp

// All returns the providers this device can have, standard objects first. Their
// descriptions say which of them, and which of their nodes, exist on a platform.
func All() []CSP {
	return []CSP{
		{Name: "DevInfo", Version: "1.0", tree: "devinfo.tree"},
		{Name: "DevDetail", Version: "1.1", Newer: []Release{{Build: 26200, Version: "1.2"}}, tree: "devdetail.tree"},
		dmAcc(),
		dmClient(),
		enrollmentStatusTracking(),
		declaredConfiguration(),
		remoteWipe(),
		remoteLock(),
		reboot(),
		remoteFind(),
		update(),
		{Name: "Accounts", Version: "1.0", lists: nowhere, tree: "accounts.tree"},
		rootCATrustedCertificates(),
		certificateStore(),
		clientCertificateInstall(),
		vpn(),
		wifi(),
		modernApps(),
		desktopApps(),
		enterpriseApps(),
		policy(),
		policyManager(),
		deviceLock(),
		{Name: "DeviceStatus", Version: "1.5", tree: "devicestatus.tree"},
		{Name: "DeviceInstanceService", Version: "1.0", tree: "deviceinstance.tree"},
		manageability(),
		personalization(),
	}
}
