package csp

import (
	"context"
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestDocumentedRefusals: values that Microsoft's documents refuse, and what they allow
// beside them.
func TestDocumentedRefusals(t *testing.T) {
	const renew = "./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/"
	const first = provider + "/FirstSyncStatus/"
	tree := newTree(t, &fakeHost{code: 200, user: true}, desktop)
	run(t, tree, []step{
		// "1 - 1000 AND =< RenewalPeriod" (DDF of CertificateStore).
		{syncml.Replace, renew + "RenewPeriod", "60", 200, ""},
		{syncml.Replace, renew + "RetryInterval", "900", 500, ""},
		{syncml.Replace, renew + "RetryInterval", "60", 200, ""},

		// It cannot be set back to 1.0 (MS-MDE2 2.2.9.3).
		{syncml.Replace, provider + "/SyncApplicationVersion", "1.0", 200, ""},
		{syncml.Replace, provider + "/SyncApplicationVersion", "3.0", 200, ""},
		{syncml.Replace, provider + "/SyncApplicationVersion", "1.0", 500, ""},
		{syncml.Replace, provider + "/SyncApplicationVersion", "2.0", 200, ""},

		// Two endless sets (MS-MDE2 2.2.9.3, "Invalid poll schedule: two infinite schedules").
		{syncml.Replace, provider + "/Poll/IntervalForFirstSetOfRetries", "15", 200, ""},
		{syncml.Replace, provider + "/Poll/NumberOfFirstRetries", "5", 200, ""},
		{syncml.Replace, provider + "/Poll/IntervalForSecondSetOfRetries", "1440", 200, ""},
		{syncml.Replace, provider + "/Poll/NumberOfSecondRetries", "0", 200, ""},
		{syncml.Replace, provider + "/Poll/IntervalForRemainingScheduledRetries", "1440", 200, ""},
		{syncml.Replace, provider + "/Poll/NumberOfRemainingScheduledRetries", "0", 200, ""},
		{syncml.Get, provider + "/Poll/IntervalForSecondSetOfRetries", "", 200, "1440"},
		{syncml.Get, provider + "/Poll/IntervalForRemainingScheduledRetries", "", 200, "0"},
		{syncml.Get, provider + "/Poll/NumberOfRemainingScheduledRetries", "", 200, "0"},
		{syncml.Replace, provider + "/Poll/NumberOfSecondRetries", "3", 200, ""},
		{syncml.Get, provider + "/Poll/IntervalForRemainingScheduledRetries", "", 200, "1440"},

		// A user has no Root store (MS-MDE2 2.2.9.4; DDF of RootCATrustedCertificates).
		{syncml.Get, "./User/Vendor/MSFT/RootCATrustedCertificates/Root", "", 404, ""},
		{syncml.Get, "./User/Vendor/MSFT/RootCATrustedCertificates", "", 200, "CA/OemEsim/TrustedPeople/TrustedPublisher/UntrustedCertificates"},
		{syncml.Get, "./Vendor/MSFT/RootCATrustedCertificates/Root", "", 200, ""},

		// The modes of the DDF; how a signed or encrypted message looks is not published.
		{syncml.Replace, provider + "/EnhancedAppLayerSecurity/SecurityMode", "0", 200, ""},
		{syncml.Replace, provider + "/EnhancedAppLayerSecurity/SecurityMode", "1", 406, ""},
		{syncml.Replace, provider + "/EnhancedAppLayerSecurity/SecurityMode", "4", 500, ""},

		// DDF of DMClient.
		{syncml.Get, first + "SkipUserStatusPage", "", 200, "true"},
		{syncml.Get, first + "TimeOutUntilSyncFailure", "", 200, "60"},
		{syncml.Replace, first + "TimeOutUntilSyncFailure", "1441", 500, ""},
		{syncml.Replace, first + "IsSyncDone", "true", 200, ""},
		{syncml.Replace, first + "IsSyncDone", "false", 405, ""},
		{syncml.Replace, first + "IsSyncDone", "true", 405, ""},
		{syncml.Add, provider + "/FirstSyncStatus", "", 418, ""},
		{syncml.Get, "./User/Vendor/MSFT/EnrollmentStatusTracking/DevicePreparation", "", 404, ""},
	})
	for _, v := range []string{"0", "1", "2", "4", "8", "3", "16"} {
		for _, format := range []string{"int", "bool", "chr"} {
			want := 200
			switch {
			case format == "chr":
				want = 415
			case v == "3" || v == "16":
				want = 500
			}
			if a := tree.Do(context.Background(), syncml.Replace, provider+"/ForceAadToken", Value{Format: format, Data: v}); a.Code != want {
				t.Errorf("ForceAadToken %s as %s: %d, want %d", v, format, a.Code, want)
			}
		}
	}
}
