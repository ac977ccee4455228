package cli

import (
	"os"

	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/harness/target"
)

// wnsFlags say where the fake WNS is and for which app, instead of the wns section
// of a configuration file.
type wnsFlags struct {
	mode, listen, proxy    string
	pfn, sid               string
	kind, tenant, clientID string
	caDir                  string
}

func (r *wnsFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&r.mode, "wns", "", "how the server reaches the fake WNS: proxy, hosts or direct")
	fl.StringVar(&r.listen, "wns-listen", "", "address of the fake WNS (default 127.0.0.1:7443; hosts: 127.0.0.1:443); auto chooses a free port")
	fl.StringVar(&r.proxy, "proxy", "", "address of its proxy (default 127.0.0.1:7080), or auto")
	fl.StringVar(&r.caDir, "ca-dir", "", "folder of the lab's CA (default .dmwake)")
	fl.StringVar(&r.pfn, "pfn", "", "package family name of the server's app")
	fl.StringVar(&r.sid, "sid", "", "its Package SID; the secret is in DMWAKE_WNS_SECRET")
	fl.StringVar(&r.kind, "app-kind", "", "classic, classic-retired or entra")
	fl.StringVar(&r.tenant, "tenant", "", "tenant id of an Entra app")
	fl.StringVar(&r.clientID, "client-id", "", "client id of an Entra app")
}

func (r *wnsFlags) apply(w *target.WNS) {
	for _, v := range []struct {
		flag string
		to   *string
	}{{r.mode, &w.Mode}, {r.listen, &w.Listen}, {r.proxy, &w.Proxy}, {r.caDir, &w.CADir}, {r.pfn, &w.App.PFN}, {r.sid, &w.App.SID},
		{r.kind, &w.App.Kind}, {r.tenant, &w.App.Tenant}, {r.clientID, &w.App.ClientID}} {
		if v.flag != "" {
			*v.to = v.flag
		}
	}
	if secret := os.Getenv("DMWAKE_WNS_SECRET"); secret != "" {
		w.App.Secret = target.NewSecret(secret)
	}
}
