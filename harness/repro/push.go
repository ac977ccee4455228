package repro

import (
	"context"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// notifications are about WNS's answers to notifications.
func notifications() []Case {
	return []Case{
		{Name: "dropped-connected", Shows: "WNS answers 200 dropped, although X-WNS-DeviceConnectionStatus says connected", Sources: []string{"https://github.com/MicrosoftDocs/windows-dev-docs/issues/5133"}, Explain: "dropped",
			LookAt: "treat it as not delivered, keep the channel, do not repeat it at once; polling does the work", Scenarios: []string{"WER-12", "WER-28", "WNS-20"}, Reach: atPush, Pushes: true, WNS: []string{"dropped"},
			Seen: wns(fakewns.Notification, 200, "dropped")},
		{Name: "wns-403-not-mapped", Shows: "WNS answers 403 without a header of its own: the Entra app is not mapped to the PFN", Sources: []string{"https://github.com/microsoft/WindowsAppSDK/issues/6301", "https://github.com/microsoft/WindowsAppSDK/issues/6574", "https://github.com/MicrosoftDocs/windows-dev-docs/issues/5027"}, Explain: "wns 403",
			LookAt: "ask Microsoft to map the PFN to the app; do not repeat it, and fetch no other token", Scenarios: []string{"WER-03", "WER-27", "TOK-14"}, Reach: atPush, Pushes: true, WNS: []string{"not-mapped=bare"},
			Seen: wns(fakewns.Notification, 403, "")},
		{Name: "wns-429", Shows: "WNS answers 429: the app is throttled", Sources: []string{"https://github.com/MicrosoftDocs/windows-dev-docs/issues/5238", "https://github.com/microsoft/WindowsAppSDK/issues/3501"},
			LookAt: "hold the pushes of all devices until Retry-After has passed; without it, wait longer each time", Scenarios: []string{"WER-21", "WER-26"}, Reach: atPush, Pushes: true, WNS: []string{"throttled-429"},
			Seen: wns(fakewns.Notification, 429, "")},
		{Name: "wns-appthrottled", Shows: "WNS answers 406 appthrottled with Retry-After 900", Sources: []string{"https://github.com/web-push-libs/web-push-csharp/issues/93"}, Explain: "wns 406",
			LookAt: "hold the pushes of all devices for that long; polling does the work", Scenarios: []string{"WER-07", "WER-21", "WER-25"}, Reach: atPush, Pushes: true, WNS: []string{"appthrottled"},
			Seen: wns(fakewns.Notification, 406, "appthrottled")},
		{Name: "wns-ttl-400", Shows: "WNS answers 400: the TTL conflicts with X-WNS-Cache-Policy", Sources: []string{"https://github.com/web-push-libs/pywebpush/issues/162", "https://github.com/SherClockHolmes/webpush-go/issues/66"}, Explain: "wns 400",
			LookAt: "send X-WNS-TTL above 0 with X-WNS-Cache-Policy: cache, or no TTL (here the embedded server sends 0)", Scenarios: []string{"WNS-22"}, Reach: atPush, Pushes: true, Mutant: mutants.WnsTTLZero,
			Seen: wns(fakewns.Notification, 400, "")},
		{Name: "channel-410", Shows: "WNS answers 410 long before the channel's thirty days have passed", Sources: []string{"https://github.com/microsoft/WindowsAppSDK/issues/4446"}, Explain: "wns 410",
			LookAt: "drop the channel, set the PFN again in the next session", Scenarios: []string{"WER-05", "WER-23"}, Reach: atPush, Pushes: true, Seen: wns(fakewns.Notification, 410, ""),
			Then: func(l *lab.Lab, d *dmclient.Device) { l.WNS.CloseChannel(d.ChannelURI()) }},
		{Name: "lost-after-200", Shows: "WNS answers 200 received, and the notification never arrives", Sources: []string{"https://learn.microsoft.com/windows/apps/develop/notifications/push-notifications/wns-overview"},
			LookAt: "keep polling alongside push; 200 does not mean delivered", Scenarios: []string{"PSH-06"}, Reach: atPush, Explain: "received", Pushes: true, WNS: []string{"lost"},
			Seen: func(s *Seen) bool {
				for _, e := range s.Journal {
					if e.Delivery == fakewns.Lost {
						return true
					}
				}
				return false
			}},
		{Name: "offline-dropped", Shows: "WNS answers 200 dropped: the device is offline and nothing was cached", Sources: []string{"https://github.com/microsoft/WindowsAppSDK/issues/3677"}, Explain: "dropped",
			LookAt: "send X-WNS-Cache-Policy: cache; treat dropped as not delivered (here the embedded server does not ask for the cache)", Reach: atPush, Pushes: true, Mutant: mutants.WnsNoCache,
			Then: func(_ *lab.Lab, d *dmclient.Device) { d.SetWNSOffline(true) }, Seen: wns(fakewns.Notification, 200, "dropped")},
		{Name: "power-saver", Shows: "battery saver has closed the device's WNS connection: pushes wait in the cache", Sources: []string{"https://learn.microsoft.com/windows/client-management/push-notification-windows-mdm"},
			LookAt: "nothing is wrong: ask for X-WNS-Cache-Policy: cache, and poll", Scenarios: []string{"PSH-05"}, Reach: atPush, Pushes: true,
			Then: func(_ *lab.Lab, d *dmclient.Device) { d.SetPower(dmclient.PowerSaver) },
			Seen: func(s *Seen) bool {
				for _, e := range s.Journal {
					if e.Delivery == fakewns.Cached {
						return true
					}
				}
				return false
			}},
		{Name: "push-status-7", Shows: "pushes are received but start no session: Push/Status 7", Sources: []string{"https://learn.microsoft.com/windows/client-management/mdm/dmclient-csp"}, Explain: "push-status 7",
			LookAt: "nothing is wrong: poll", Scenarios: []string{"CHN-12"}, Reach: atPush, Pushes: true, Then: func(_ *lab.Lab, d *dmclient.Device) { d.SetPower(dmclient.PowerLimited) },
			Seen: func(s *Seen) bool {
				for _, w := range s.Device.Wakes() {
					if w.Refused != "" {
						return true
					}
				}
				return false
			}},
		{Name: "wns-500", Shows: "WNS answers 500 for hours", Sources: []string{"https://github.com/microsoft/WindowsAppSDK/issues/4546"}, Explain: "wns 500", LookAt: "bounded retries with growing pauses; polling does the work", Scenarios: []string{"WER-10"}, Reach: atPush,
			Pushes: true, WNS: []string{"status=500"}, Seen: wns(fakewns.Notification, 500, "")},
	}
}

// tokens are about access tokens.
func tokens() []Case {
	return []Case{
		{Name: "token-dies-early", Shows: "a token is refused before expires_in has passed: 401", Sources: []string{"https://github.com/Redth/PushSharp/issues/690", "https://github.com/Redth/PushSharp/issues/691", "https://github.com/Redth/PushSharp/issues/743"}, Explain: "wns 401",
			LookAt: "fetch a new token once, and send again", Scenarios: []string{"WER-01"}, Reach: atPush, Pushes: true, Then: func(l *lab.Lab, _ *dmclient.Device) { l.WNS.RevokeTokens() },
			WNS: []string{"status=401 times=1"}, Seen: wns(fakewns.Notification, 401, "")},
		{Name: "token-per-push", Shows: "a token is fetched for every push", Sources: []string{"https://github.com/Redth/PushSharp/issues/619"},
			LookAt: "keep the token until it expires or a 401 arrives (here the embedded server does not)", Reach: atPush, Pushes: true, Mutant: mutants.TokEveryPush,
			Then: func(l *lab.Lab, d *dmclient.Device) { l.Push(context.Background(), d) }, //nolint:errcheck // the journal shows it
			Seen: func(s *Seen) bool {
				n := 0
				for _, e := range s.Journal {
					if e.Kind == fakewns.Token && e.Status == 200 {
						n++
					}
				}
				return n > 1
			}},
		{Name: "token-refused", Shows: "the token endpoint answers 500 to two requests", Sources: []string{"https://github.com/Redth/PushSharp/issues/619"}, LookAt: "share one request, back off, keep the token until it expires", Scenarios: []string{"TOK-08"}, Reach: atToken,
			Pushes: true, WNS: []string{"status=500 on=token times=2"}, Then: func(l *lab.Lab, _ *dmclient.Device) { l.WNS.RevokeTokens() },
			Seen: wns(fakewns.Token, 500, "")},
	}
}
