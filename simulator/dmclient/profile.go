package dmclient

// Profile is what differs between Windows versions on the wire.
type Profile struct {
	Name string

	// Enrollment (MS-MDE2 3.1.4.1.3.1).
	RequestVersion     string
	DeviceType         string
	OSEdition          string
	OSVersion          string
	ApplicationVersion string
	AuthPolicies       []string

	// Sessions.
	UserAgent string
	DmV       string
	Platform  string // DevDetail/Ext/Microsoft/OSPlatform

	// Phone adds the CSPs only phones have (RemoteLock) and leaves out those
	// only desktops have (Personalization).
	Phone bool

	Quirks Quirks
}

// Quirks are behaviours nobody published; each is a model and can be switched.
type Quirks struct {
	// PFNErrors makes the command that writes a PFN fail with 500 where the
	// PFN cannot be registered, or where Push is missing. The reports of the
	// time speak of 500 on Replace; that this covers every cause is a model.
	// Without it the device answers 200 and tells the reason in Push/Status.
	PFNErrors bool
	// PFNLowerCase makes the device refuse a PFN that is not lower-cased [model;
	// the advice to lower-case it is from the same reports].
	PFNLowerCase bool
	// CaseSensitive makes node names match by case [model].
	CaseSensitive bool
}

// WP81 is Windows Phone 8.1, where the push path and its 418 and 500 were
// first reported.
func WP81() Profile {
	return Profile{
		Name: "wp81", RequestVersion: "3.0", DeviceType: "WindowsPhone", OSEdition: "0",
		OSVersion: "8.10.14219.0", ApplicationVersion: "8.10.14219.0", AuthPolicies: []string{"OnPremise", "Federated"},
		UserAgent: "MSFT OMA DM Client/1.2.0.1", DmV: "8.10.14219.0", Platform: "Windows Phone 8.1", Phone: true,
		Quirks: Quirks{PFNErrors: true, PFNLowerCase: true},
	}
}

// Win11 is a Windows 11 desktop.
func Win11() Profile {
	return Profile{
		Name: "win11", RequestVersion: "5.0", DeviceType: "CIMClient_Windows", OSEdition: "48",
		OSVersion: "10.0.22631.3155", ApplicationVersion: "10.0.22631.3155", AuthPolicies: []string{"OnPremise", "Federated"},
		UserAgent: "MSFT OMA DM Client/1.2.0.1", DmV: "1.3", Platform: "Windows 11 Pro",
	}
}

// Profiles lists all profiles, oldest first.
func Profiles() []Profile { return []Profile{WP81(), Win11()} }
