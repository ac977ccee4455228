package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
)

// trials are what a sender meets under each fault; a fault without one fails
// the test.
var trials = map[string]func(*client) error{
	"appthrottled": func(c *client) error {
		defer c.delivered()
		return c.push("x").is(406, "appthrottled")
	},
	"not-mapped": func(c *client) error {
		a := c.push("x")
		if a.header.Get("X-WNS-Error-Description") == "" {
			return errors.New("without a description")
		}
		return a.is(403, "dropped")
	},
	"not-mapped=bare": func(c *client) error { return c.push("x").is(403, "") },
	"throttled-429=7": func(c *client) error {
		a := c.push("x")
		if a.header.Get("Retry-After") != "7" {
			return fmt.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
		}
		return a.is(429, "dropped")
	},
	"bad-headers": func(c *client) error { return c.push("x").none() },
	"bad-json": func(c *client) error {
		if a := c.fetch(); a.status != 200 || json.Valid([]byte(a.body)) {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	},
	"channelthrottled": func(c *client) error {
		defer c.delivered()
		return c.push("x").is(200, "channelthrottled")
	},
	"delay=20ms": func(c *client) error {
		start := time.Now()
		a := c.push("x")
		c.delivered("x")
		if took := time.Since(start); took < 20*time.Millisecond {
			return fmt.Errorf("took %v", took)
		}
		return a.is(200, "received")
	},
	"dies-early=1m": func(c *client) error {
		a := c.fetch()
		var out struct {
			Token   string `json:"access_token"`
			Expires int    `json:"expires_in"`
		}
		if err := json.Unmarshal([]byte(a.body), &out); err != nil || out.Expires != 86400 {
			return fmt.Errorf("%s: %w", a.body, err)
		}
		c.token = out.Token
		if err := c.push("x").is(200, "received"); err != nil {
			return err
		}
		c.delivered("x")
		c.wns.Advance(time.Minute)
		return c.push("x").is(401, "dropped")
	},
	"drip=20ms": func(c *client) error {
		start := time.Now()
		a := c.push("x")
		if took := time.Since(start); took < 10*time.Millisecond {
			return fmt.Errorf("took %v", took)
		}
		c.delivered("x")
		return a.is(200, "received")
	},
	"dropped": func(c *client) error {
		defer c.delivered()
		return c.push("x").is(200, "dropped")
	},
	"expires-string": func(c *client) error { return expires(c, "86400") },
	"header-names=old": func(c *client) error {
		a := c.push("x")
		if a.header.Get("X-WNS-NotificationStatus") != "received" {
			return errors.New("the old header is missing")
		}
		c.delivered("x")
		return a.is(200, "")
	},
	"header-names=new": func(c *client) error {
		a := c.push("x")
		if a.header.Get("X-WNS-NotificationStatus") != "" {
			return errors.New("the old header is there")
		}
		c.delivered("x")
		return a.is(200, "received")
	},
	"header-names=lower": func(c *client) error {
		defer c.delivered("x")
		return c.push("x").is(200, "received") // Go's client reads them without regard to case
	},
	"html": func(c *client) error {
		if a := c.fetch(); a.status != 200 || a.header.Get("Content-Type") != "text/html" || !strings.HasPrefix(a.body, "<html>") {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	},
	"huge-token=9000": func(c *client) error {
		a := c.fetch()
		var out struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(a.body), &out); err != nil || len(out.Token) != 9000 {
			return fmt.Errorf("%d bytes: %w", len(out.Token), err)
		}
		return nil
	},
	"late=20ms": func(c *client) error {
		a := c.push("x")
		c.delivered("x")
		return a.is(200, "received")
	},
	"lost": func(c *client) error {
		defer c.delivered()
		return c.push("x").is(200, "received")
	},
	"no-expires": func(c *client) error { return expires(c, nil) },
	"no-headers": func(c *client) error {
		defer c.delivered("x")
		return c.push("x").is(200, "")
	},
	"outage=10m": func(c *client) error {
		a := c.push("x")
		if err := a.is(503, "dropped"); err != nil || a.header.Get("Retry-After") == "" {
			return fmt.Errorf("%w, Retry-After %q", err, a.header.Get("Retry-After"))
		}
		c.wns.Advance(10 * time.Minute)
		defer c.delivered("x")
		return c.push("x").is(200, "received")
	},
	"redirect": func(c *client) error {
		a := c.push("x")
		if !strings.HasPrefix(a.header.Get("Location"), "https://db3.notify.windows.com/") {
			return fmt.Errorf("Location %q", a.header.Get("Location"))
		}
		c.delivered()
		return a.is(307, "dropped")
	},
	"reordered": func(c *client) error {
		if err := c.push("first").is(200, "received"); err != nil {
			return err
		}
		c.delivered()
		defer c.delivered("second", "first")
		return c.push("second").is(200, "received")
	},
	"reset": func(c *client) error {
		defer c.delivered()
		return c.push("x").none()
	},
	"reset=after": func(c *client) error {
		defer c.delivered("x")
		return c.push("x").none()
	},
	"short-lived=90s": func(c *client) error { return expires(c, 90.0) },
	"status=418,X-Tea=yes": func(c *client) error {
		a := c.push("x")
		if a.header.Get("X-Tea") != "yes" {
			return errors.New("the header is missing")
		}
		c.delivered()
		return a.is(418, "dropped")
	},
	"tls-fails": func(c *client) error {
		c.fresh()
		return c.push("x").none()
	},
	"truncated": func(c *client) error { return c.push("x").none() },
	"twice": func(c *client) error {
		defer c.delivered("x", "x")
		return c.push("x").is(200, "received")
	},
	"wrong-name": func(c *client) error {
		c.fresh()
		a := c.push("x")
		if a.err == nil || !strings.Contains(a.err.Error(), "wrong-name.notify.windows.com") {
			return fmt.Errorf("got %w", a.err)
		}
		return nil
	},
}

func expires(c *client, want any) error {
	a := c.fetch()
	var out map[string]any
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != 200 || out["expires_in"] != want || out["access_token"] == "" {
		return fmt.Errorf("%d %s %w", a.status, a.body, err)
	}
	return nil
}

func TestEveryFault(t *testing.T) {
	tried := map[string]bool{}
	for spec, trial := range trials {
		name, _, _ := strings.Cut(spec, "=")
		tried[name] = true
		t.Run(spec, func(t *testing.T) {
			c := newClient(t)
			c.inject(spec)
			if err := trial(c); err != nil {
				t.Error(err)
			}
			if got := c.wns.Faults(); len(got) != 1 || got[0].Hits == 0 {
				t.Errorf("the fault was not counted: %+v", got)
			}
			hit := c.wns.Journal().Since(0, func(e *fakewns.Entry) bool { return e.Fault == spec })
			if len(hit) == 0 {
				t.Error("the journal does not name the fault")
			}
			// It is gone once it is removed.
			c.wns.RemoveFault(c.wns.Faults()[0].ID)
			c.fresh()
			if a := c.fetch(); a.err != nil || expires(c, 86400.0) != nil {
				t.Errorf("the fault is removed, but tokens are spoilt: %+v", a)
			}
		})
	}
	for _, k := range All() {
		if !tried[k.Name] {
			t.Errorf("fault %s has no trial", k.Name)
		}
	}
}
