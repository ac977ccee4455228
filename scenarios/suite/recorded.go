package suite

import (
	"errors"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Recorded is a session that others recorded, as far as they have it.
type Recorded struct {
	DeviceID, ID string
	Pairs        []Pair
	// Whole says that the session came to its end: nothing that it lacks may follow.
	Whole bool
}

// Place is where a message breaks a rule.
type Place struct {
	Scenario      *Scenario
	Pair          int // in Pairs
	Expected, Saw string
}

var errUnfinished = errors.New("the session is not recorded to its end")

// Judge lets scenarios that listen hear a recorded session, and returns where it
// breaks their rules, in the order of the scenarios. It is for rules that look at
// messages alone: there is no device to look at.
func Judge(list []Scenario, r *Recorded) (out []Place) {
	s := &dmclient.Session{ID: r.ID}
	if !r.Whole {
		s.Err = errUnfinished
	}
	for _, p := range r.Pairs {
		s.Received = append(s.Received, p.Got)
	}
	at := map[*dmclient.Exchange]int{}
	for i, p := range r.Pairs {
		at[p.Ex] = i
	}
	h := &Heard{Session: s, Pairs: r.Pairs, id: r.DeviceID, checks: &checks{}}
	for i := range list {
		if list[i].Hears == nil {
			continue
		}
		h.ear = newEar()
		list[i].Hears(h)
		for _, b := range h.ear.places() {
			out = append(out, Place{&list[i], at[b.ex], b.expected, b.saw})
		}
	}
	return out
}
