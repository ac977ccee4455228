package mdmserver

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Types of the alerts about logins (Learn, "Microsoft Entra integration with MDM").
const (
	alertLogin = "com.microsoft/MDM/LoginStatus"
	alertToken = "com.microsoft/MDM/AADUserToken"
)

// presented is what the directory's tokens in a message prove.
type presented struct {
	user   string // the user that is logged in, if a token names one
	forged string // CmdID of an AADUserToken alert whose token does not verify
}

// present verifies the directory's tokens of a message: the headers Authorization and
// DeviceToken, and the alert of package 1. None is required: there is no token while
// the join goes on, or if a guest is logged in. A header whose token does not verify
// refuses the message; such an alert only counts for nothing.
func (s *Server) present(r *http.Request, id string, m *syncml.Message) (p presented, err error) {
	if s.cfg.Entra == nil {
		return p, nil
	}
	check := s.checker(id)
	for _, name := range []string{"Authorization", "DeviceToken"} {
		token := r.Header.Get(name)
		if token == "" {
			continue
		}
		if name == "Authorization" {
			scheme, rest, _ := strings.Cut(token, " ")
			if token = rest; !strings.EqualFold(scheme, "Bearer") {
				return p, errors.New("the scheme of the Authorization header is not Bearer")
			}
		}
		who, err := check(token)
		if err != nil {
			return p, fmt.Errorf("the token in the %s header: %w", name, err)
		}
		if name == "Authorization" {
			p.user = who.User
		}
	}
	for i := range m.Body {
		c := &m.Body[i]
		token, ok := event(c, alertToken)
		if !ok {
			continue
		}
		if who, err := check(token); err != nil {
			p.forged = c.CmdID
		} else if p.user == "" {
			p.user = who.User
		}
	}
	return p, nil
}

// checker verifies tokens in the name of a device: they are of the device that
// enrolled.
func (s *Server) checker(id string) func(token string) (*Identity, error) {
	s.mu.Lock()
	enrolled := ""
	if d := s.devices[id]; d != nil {
		enrolled = d.Directory
	}
	s.mu.Unlock()
	return func(token string) (*Identity, error) {
		who, err := s.checkJWT(token)
		if err == nil && enrolled != "" && who.DeviceID != "" && !strings.EqualFold(enrolled, who.DeviceID) {
			err = errors.New("the token is of another device")
		}
		return who, err
	}
}

// event gives the data of an Alert 1224 of that type.
func event(c *syncml.Command, kind string) (data string, ok bool) {
	if c.Verb != syncml.Alert || c.Code() != syncml.AlertClientEvent {
		return "", false
	}
	for _, it := range c.Items {
		if it.Meta != nil && it.Meta.Type == kind {
			return it.Data, true
		}
	}
	return "", false
}

const maxLogin = 20 // bytes of LoginStatus that are kept

// login notes who is logged in, from the alerts of package 1 and from the token.
func (d *Device) login(m *syncml.Message, p presented) {
	for i := range m.Body {
		if status, ok := event(&m.Body[i], alertLogin); ok {
			d.Login, d.User = strings.Clone(status[:min(len(status), maxLogin)]), ""
		}
	}
	if p.user != "" {
		d.User = p.user
	}
}

// disbelieve gives an alert with a token that does not verify the Status 401. The
// documents name no code [model].
func (p presented) disbelieve(statuses []syncml.Command) {
	for i := range statuses {
		if c := &statuses[i]; p.forged != "" && c.CmdRef == p.forged {
			c.Data = fmt.Sprint(syncml.InvalidCredential)
		}
	}
}
