package devices

import "github.com/dmwake/dmwake/harness/wording"

// Sessions gives the sessions that a device remembers, oldest first, without messages.
func (p *Pool) Sessions(id string, reveal bool) ([]Session, error) {
	s, err := p.find(id)
	if err != nil {
		return nil, err
	}
	count, all := s.remembered()
	out := make([]Session, 0, len(all))
	for k, session := range all {
		out = append(out, viewSession(count-len(all)+k+1, session, reveal, false))
	}
	return out, nil
}

// Session gives one session with every message; 0 is the last one.
func (p *Pool) Session(id string, number int, reveal bool) (Session, error) {
	s, err := p.find(id)
	if err != nil {
		return Session{}, err
	}
	count, all := s.remembered()
	if number == 0 {
		number = count
	}
	first := count - len(all) + 1
	switch {
	case count == 0:
		return Session{}, fail(Unknown, "%s had no session yet", s.name())
	case number < 0 || number > count:
		return Session{}, fail(Unknown, "%s had %s, and no session %d", s.name(), wording.Count(count, "session"), number)
	case number < first:
		return Session{}, fail(Unknown, "session %d of %s is no longer kept; the oldest that is kept is %d", number, s.name(), first)
	}
	return viewSession(number, all[number-first], reveal, true), nil
}

// Enrollment gives the latest requests of a device's enrollments and their replies.
func (p *Pool) Enrollment(id string, reveal bool) ([]Exchange, error) {
	s, err := p.find(id)
	if err != nil {
		return nil, err
	}
	return viewExchanges(s.dev.EnrollExchanges(), reveal), nil
}
