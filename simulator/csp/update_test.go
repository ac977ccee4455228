package csp

import (
	"context"
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestUpdate: an approved update is listed; nothing is installed or rolled back.
func TestUpdate(t *testing.T) {
	const base, guid = "./Vendor/MSFT/Update/", "{A317DAFE-BAF4-453F-B232-A7075EFAE36E}"
	tree := newTree(t, &fakeHost{}, desktop)
	run(t, tree, []step{
		{syncml.Add, base + "ApprovedUpdates/%7BA317DAFE-BAF4-453F-B232-A7075EFAE36E%7D", "", 200, ""},
		{syncml.Get, base + "ApprovedUpdates", "", 200, "%7BA317DAFE-BAF4-453F-B232-A7075EFAE36E%7D"},
		{syncml.Get, base + "InstallableUpdates", "", 200, ""},
		{syncml.Get, base + "PendingRebootUpdates", "", 200, ""},
		{syncml.Add, base + "InstalledUpdates/1", "", 405, ""},
		{syncml.Exec, base + "Rollback/QualityUpdate", "", 500, ""},
		{syncml.Delete, base + "ApprovedUpdates/" + guid, "", 200, ""},
		{syncml.Get, base + "ApprovedUpdates", "", 200, ""},
	})
	if a := tree.Do(context.Background(), syncml.Add, base+"ApprovedUpdates/"+guid, Value{Format: "chr", Data: "2027-01-01"}); a.Code != syncml.UnsupportedFormat {
		t.Errorf("a text for an interior node: %+v", a)
	}
}

// TestAccounts: a local user is made of what is added below it, and no password is read.
func TestAccounts(t *testing.T) {
	const base = "./Device/Vendor/MSFT/Accounts/"
	tree := newTree(t, &fakeHost{}, desktop)
	run(t, tree, []step{
		{syncml.Add, base + "Users/ann/Password", "Passw0rd", 200, ""},
		{syncml.Add, base + "Users/ann/LocalUserGroup", "2", 200, ""},
		{syncml.Get, base + "Users/ann/Password", "", 405, ""},
		{syncml.Add, base + "Domain/ComputerName", "Test%RAND:6%", 200, ""},
		{syncml.Replace, base + "Domain/ComputerName", "PC-1", 405, ""},
	})
}
