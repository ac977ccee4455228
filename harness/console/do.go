package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/redact"
)

// said is what a button did.
type said struct {
	Text           string
	Wrong          bool
	Link, LinkText string
	Back           string
}

// form are the fields that a button sends.
type form func(name string) string

// acts are what the buttons do, by their names.
var acts = map[string]func(c *console, ctx context.Context, f form) (said, error){
	"push":       (*console).push,
	"revoke":     (*console).revoke,
	"expire":     (*console).expire,
	"connection": (*console).connect,
	"revoke-tokens": func(c *console, _ context.Context, _ form) (said, error) {
		c.WNS.RevokeTokens()
		return done("All tokens are revoked.")
	},
	"fault-on":  (*console).faultOn,
	"fault-off": (*console).faultOff,
	"clock":     (*console).forward,
	"create":    (*console).create,
	"enroll":    own((*console).enroll),
	"sync":      own((*console).sync),
	"unenroll":  own((*console).unenroll),
	"wipe":      own((*console).wipe),
	"remove":    own((*console).remove),
	"advance":   own((*console).advance),
	"clear": func(c *console, _ context.Context, _ form) (said, error) {
		if err := c.WNS.Journal().Clear(); err != nil {
			return said{}, err
		}
		return done("The journal is empty.")
	},
}

func done(format string, args ...any) (said, error) {
	return said{Text: fmt.Sprintf(format, args...)}, nil
}

// do is every button: POST, from a page of the console only (package guard).
func (c *console) do(w http.ResponseWriter, r *http.Request) {
	var out said
	act := acts[r.PathValue("what")]
	err := r.ParseForm()
	switch {
	case act == nil:
		err = missing{"There is no button " + strconv.Quote(r.PathValue("what")) + "."}
	case err != nil:
		err = errors.New("the form could not be read")
	default:
		// An action may wait for a server, longer than a request may take to arrive.
		http.NewResponseController(w).SetReadDeadline(time.Time{}) //nolint:errcheck // a writer without deadlines
		out, err = act(c, r.Context(), r.PostForm.Get)
		c.pressed.Add(1)
	}
	status := http.StatusOK
	var gone missing
	switch {
	case errors.As(err, &gone):
		status = http.StatusNotFound
	case err != nil:
		status = http.StatusBadRequest
	}
	if err != nil {
		out = said{Text: sentence(redact.Text(err.Error())), Wrong: true}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	safe := printable.NewWriter(w, false)
	if r.Header.Get("HX-Request") != "" {
		fmt.Fprint(safe, `<div hx-swap-oob="innerHTML:#said">`)
		pages.ExecuteTemplate(safe, "said", out) //nolint:errcheck // the browser is gone
		fmt.Fprint(safe, `</div>`)
		return
	}
	if out.Back = Prefix; strings.Contains(r.Referer(), "://"+r.Host+Prefix) {
		out.Back = r.Referer()
	}
	pages.ExecuteTemplate(safe, "page", &view{Title: "Done", body: "done", Data: out, token: c.Token != ""}) //nolint:errcheck // the browser is gone
}

// channel finds the channel of a form: by its id, or the newest of a device.
func (c *console) channel(f form) (fakewns.Channel, error) {
	id, device := f("channel"), f("device")
	var newest fakewns.Channel
	for _, ch := range c.WNS.ChannelsOf(func(ch fakewns.Channel) bool {
		return id != "" && ch.ID == id || id == "" && ch.Device == device && !ch.Revoked
	}) {
		if newest.URI == "" || ch.Expires.After(newest.Expires) {
			newest = ch
		}
	}
	switch {
	case newest.URI != "":
		return newest, nil
	case id != "":
		return newest, missing{"There is no channel " + id + " any more."}
	}
	return newest, missing{"The device " + device + " has no channel: a server has to give it a PFN first."}
}

// push sends a raw notification as a server would.
func (c *console) push(ctx context.Context, f form) (said, error) {
	ch, err := c.channel(f)
	if err != nil {
		return said{}, err
	}
	payload := f("payload")
	if payload == "" {
		payload = "dmwake"
	}
	header := http.Header{}
	if policy := f("policy"); policy != "" {
		header.Set("X-WNS-Cache-Policy", policy)
	}
	status, _, e, err := c.WNS.Push(ctx, ch, "wns/raw", []byte(payload), header)
	if err != nil {
		return said{}, err
	}
	out := said{Text: fmt.Sprintf("Pushed to %s. The fake WNS answered %d %s: %s.", ch.Device, status, e.WNSStatus, became(e).Word), Link: Prefix + "notifications/" + itoa(e.Seq), LinkText: "#" + itoa(e.Seq), Wrong: status >= http.StatusBadRequest}
	if e.Error != "" {
		out.Text += " " + sentence(redact.Text(e.Error))
	}
	return out, nil
}

func (c *console) revoke(_ context.Context, f form) (said, error) {
	ch, err := c.channel(f)
	if err != nil {
		return said{}, err
	}
	c.WNS.CloseChannel(ch.URI)
	return done("The channel %s of %s is revoked: notifications to it get 410.", ch.ID, ch.Device)
}

func (c *console) expire(_ context.Context, f form) (said, error) {
	ch, err := c.channel(f)
	if err != nil {
		return said{}, err
	}
	c.WNS.ExpireChannel(ch.URI)
	return done("The channel %s of %s has expired: notifications to it get 410.", ch.ID, ch.Device)
}

func (c *console) faultOn(_ context.Context, f form) (said, error) {
	line := f("line")
	if line == "" {
		line = faultLine(f("name"), f("argument"), f("words"))
	}
	text, err := c.addFault(line)
	return said{Text: text}, err
}

func (c *console) faultOff(_ context.Context, f form) (said, error) {
	if f("id") == "" {
		return said{Text: c.endFaults(f("name"))}, nil
	}
	id, err := strconv.ParseUint(f("id"), 10, 64)
	if err != nil || !c.WNS.RemoveFault(id) {
		return said{}, missing{"This fault is off already."}
	}
	return done("The fault is off.")
}

// forward moves the fake WNS's clock.
func (c *console) forward(_ context.Context, f form) (said, error) {
	by, err := time.ParseDuration(strings.TrimSpace(f("by")))
	if err != nil || by <= 0 || by > maxForward {
		return said{}, fmt.Errorf("%q is not a duration such as 90m or 25h, up to ten years", f("by"))
	}
	if err := c.WNS.Advance(by); err != nil {
		return said{}, err
	}
	return done("The clock of the fake WNS is %s ahead now.", c.WNS.Settings().Offset)
}
