package load

import "strings"

// settings are the policies of a profile: all that every Windows 10 takes with 0 and
// with 1 (DDF of February 2025: device, int, from build 10240 or 10586, not deprecated).
// A device answers 404 for a policy that Windows does not have.
var settings = func() (out []string) {
	for _, line := range strings.Split(strings.TrimSpace(settingNames), "\n") {
		area, names, _ := strings.Cut(line, ":")
		for _, name := range strings.Fields(names) {
			out = append(out, area+"/"+name)
		}
	}
	return out
}()

const settingNames = `
Accounts: AllowAddingNonMicrosoftAccountsManually AllowMicrosoftAccountConnection
ApplicationManagement: AllowAllTrustedApps AllowAppStoreAutoUpdate AllowDeveloperUnlock AllowGameDVR AllowSharedUserAppData RestrictAppDataToSystemVolume RestrictAppToSystemVolume
Bluetooth: AllowDiscoverableMode
Browser: AllowAutofill AllowCookies AllowDeveloperTools AllowDoNotTrack AllowInPrivate AllowPasswordManager AllowPopups AllowSearchSuggestionsinAddressBar AllowSmartScreen PreventSmartScreenPromptOverride PreventSmartScreenPromptOverrideForFiles PreventUsingLocalHostIPAddressForWebRTC
Camera: AllowCamera
Connectivity: AllowCellularDataRoaming AllowUSBConnection AllowVPNOverCellular AllowVPNRoamingOverCellular
DataProtection: AllowDirectMemoryAccess
Defender: AllowCloudProtection AllowUserUIAccess DaysToRetainCleanedMalware RealTimeScanDirection ScheduleQuickScanTime ScheduleScanDay ScheduleScanTime SignatureUpdateInterval SubmitSamplesConsent
DeliveryOptimization: DODownloadMode DOMaxCacheAge
DeviceLock: AllowIdleReturnWithoutPassword AllowSimpleDevicePassword AlphanumericDevicePasswordRequired DevicePasswordEnabled DevicePasswordExpiration DevicePasswordHistory MaxDevicePasswordFailedAttempts MaxInactivityTimeDeviceLock
Experience: AllowCortana AllowDeviceDiscovery AllowManualMDMUnenrollment AllowScreenCapture AllowSyncMySettings
Privacy: AllowInputPersonalization
Search: AllowSearchToUseLocation AllowStoringImagesFromVisionSearch AllowWindowsIndexer
Security: AllowAddProvisioningPackage AllowRemoveProvisioningPackage RequireProvisioningPackageSignature RequireRetrieveHealthCertificateOnBoot
Settings: AllowAutoPlay AllowDataSense AllowDateTime AllowLanguage AllowPowerSleep AllowRegion AllowSignInOptions AllowVPN AllowWorkplace AllowYourAccount
Start: ForceStartSize
System: AllowBuildPreview AllowLocation AllowStorageCard AllowTelemetry AllowUserToResetPhone
TextInput: AllowIMELogging AllowIMENetworkAccess AllowInputPanel AllowJapaneseIMESurrogatePairCharacters AllowJapaneseIVSCharacters AllowJapaneseNonPublishingStandardGlyph AllowJapaneseUserDictionary ExcludeJapaneseIMEExceptJIS0208 ExcludeJapaneseIMEExceptJIS0208andEUDC ExcludeJapaneseIMEExceptShiftJIS
Update: AllowAutoUpdate AllowNonMicrosoftSignedUpdate AllowUpdateService RequireUpdateApproval ScheduledInstallDay ScheduledInstallTime
Wifi: AllowAutoConnectToWiFiSenseHotspots AllowInternetSharing AllowManualWiFiConfiguration AllowWiFi
WirelessDisplay: AllowUserInputFromWirelessDisplayReceiver
`

// settingNode is the node above a profile's policies, without the root: servers write
// ./Vendor or ./Device/Vendor as they like.
const settingNode = "/vendor/msft/policy/config/"

// isSetting reports whether an address is one of a profile's policies.
func isSetting(locURI string) bool {
	_, name, ok := strings.Cut(strings.ToLower(locURI), settingNode)
	return ok && settingSet[name]
}

var settingSet = func() map[string]bool {
	out := map[string]bool{}
	for _, s := range settings {
		out[strings.ToLower(s)] = true
	}
	return out
}()
