package explain

// windows are errors of Windows that people meet on this path, and that belong to
// no family of it.
var windows = map[uint32]Answer{
	0x80004005: {Name: "E_FAIL", Means: "An unspecified error. As OriginalError of a Status 500 it is a model.", Do: []string{"Look for another code near it."}, Source: common},
	0x80070002: {Name: "ERROR_FILE_NOT_FOUND", Means: "The system cannot find the file."},
	0x80070005: {Name: "E_ACCESSDENIED", Means: "Access is denied. As OriginalError of a Status 425 it is a model.", Do: []string{"Look at the rights of the account: user or device."}, Source: common},
	0x8007000d: {Name: "ERROR_INVALID_DATA", Means: "The data is invalid. As OriginalError of a Status 415 it is a model; ADMX policies fail so if their value does not fit.", Causes: []string{"The value of an ADMX policy is not what its elements want (https://github.com/pseymour/MakeMeAdmin/issues/49)."}, Do: []string{"Compare the value with the ADMX file."}, Scenarios: []string{"ERR-10"}},
	0x80070032: {Name: "ERROR_NOT_SUPPORTED", Means: "The request is not supported. As OriginalError of a Status 405 it is a model.", Causes: []string{"An agent calls local management on a device or edition that has none (https://github.com/fleetdm/fleet/issues/20302)."}},
	0x80070057: {Name: "E_INVALIDARG", Means: "An argument is invalid.",
		Causes: []string{"On a device: a notification with an empty payload, which it rejects (seen).", "Windows 11 25H2 at enrollment: an APPAUTH of type DIGEST without AAUTHDATA (seen).", "An app's manifest has characters that Windows does not allow (" + appx + ").", "As OriginalError of a Status 400: a model."},
		Do:     []string{"Send at least one byte as payload; its content is ignored.", "Give APPAUTH its nonce in AAUTHDATA."}, Shows: []string{"dmwake test --only WNS-06,ENR-74"}, Scenarios: []string{"WNS-06", "ENR-74"}, Source: common},
	0x800700b7: {Name: "ERROR_ALREADY_EXISTS", Means: "It already exists. As OriginalError of a Status 418 it is a model.", Scenarios: []string{"ERR-01", "ERR-02"}},
	0x80070490: {Name: "ERROR_NOT_FOUND", Means: "The element was not found."},
	0x800705b4: {Name: "ERROR_TIMEOUT", Means: "The operation timed out.", Causes: []string{"Autopilot, securing your hardware: the device has no physical TPM 2.0 (" + trouble + ").", "The enrollment status page waited longer than it may."}, Do: []string{"For the status page: which app or policy is not reported?"}, Scenarios: []string{"ESP-06", "ESP-09"}},
	0x8007064c: {Means: "The machine is already enrolled, as the Intune PC agent says it.", Causes: []string{"It was previously enrolled, or was cloned from a machine that was.", "A certificate of the earlier account is still there."}, Do: []string{"Delete the certificate and HKLM\\SOFTWARE\\Microsoft\\OnlineManagement."}, Source: trouble, Scenarios: []string{"ENR-63"}},
	0x800706d9: {Name: "EPT_S_NOT_REGISTERED", Means: "No more endpoints are available: a service is missing.", Causes: []string{"The service dmwappushservice is missing; enrollment then ends with 0x80180023 (" + comanage + ")."}, Do: []string{"Look in services.msc for dmwappushservice."}},
	0x80070774: {Means: "The domain controller was not found, or the device is in a state that cannot join the domain.", Causes: []string{"Autopilot with hybrid join, and a user assigned to the device (" + trouble + ")."}, Source: trouble, Strength: Documented},
	0x801c0003: {Means: "The device could not join the directory: it is not allowed, or the user has too many devices.", Do: []string{"Look at the directory's device settings."}, Source: "https://github.com/MicrosoftDocs/windows-itpro-docs/pull/3083", Strength: Seen},
	0x801c03ea: {Means: "Registering the device for management failed: its TPM is not ready.", Causes: []string{"The TPM supports 2.0, and was not upgraded to it.", "Two Autopilot profiles apply to the device."}, Source: trouble},
	0x801c03f2: {Means: "The directory has no certificate on the device object, or no device object.", Do: []string{"Let the directory synchronize; look at Usercertificate."}, Source: comanage},
	0xcaa2000c: {Means: "The token request needs a user interaction, and there was none.", Causes: []string{"Multifactor authentication is enforced (AADSTS50076); enrollment then ends with 0x8018002a (" + comanage + ")."}, Source: comanage},
}
