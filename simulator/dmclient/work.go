package dmclient

// kinds are the nodes that show work in progress, with the words for their Status; the
// states in which the work is done have none.
var kinds = []struct {
	name, at, err string
	words         map[string]string
}{
	{"app", "EnterpriseModernAppManagement/AppInstallation", "LastError", map[string]string{"0": "not installed", "1": "installing", "2": "failed"}},
	{"MSI", "EnterpriseDesktopAppManagement/MSI", "LastError", map[string]string{"10": "initialized", "20": "downloading", "25": "download will be tried again",
		"30": "download failed", "40": "downloaded", "48": "waits for a user's session", "50": "installing", "55": "installation will be tried again", "60": "failed"}},
	{"SCEP", "ClientCertificateInstall/SCEP", "ErrorCode", scepWords},
	{"SCEP", "CertificateStore/MY/SCEP", "ErrorCode", scepWords},
	{"PFX", "ClientCertificateInstall/PFXCertInstall", "", map[string]string{"13": "not a PFX", "86": "wrong password", "2148073485": "cannot be opened"}},
}

var scepWords = map[string]string{"2": "pending", "16": "failed", "32": "unknown"}

// work lists what a server started on the device that is not done.
func (d *Device) work(scope string) (out []string) {
	for _, k := range kinds {
		for _, id := range d.tree.Children(scope + k.at) {
			at := scope + k.at + "/" + escape(id) + "/"
			status, _ := d.tree.Look(at + "Status")
			words, ok := k.words[status]
			if !ok {
				continue
			}
			line := k.name + " " + id + ": Status " + status + ", " + words
			if k.err != "" {
				if e, _ := d.tree.Look(at + k.err); e != "" && e != "0" {
					line += ", error " + e
				}
			}
			out = append(out, line)
		}
	}
	return out
}
