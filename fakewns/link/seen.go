package link

// maxSeen bounds the notifications that are remembered. The service keeps at most
// maxQueued of a link that were not acknowledged.
const maxSeen = maxQueued

// seen remembers the notifications that came and may come again. It forgets the older
// half at a time.
type seen struct{ now, older map[uint64]struct{} }

// before notes a notification, and tells whether it came before.
func (s *seen) before(n notify) bool {
	if n.ID == 0 {
		return false
	}
	if n.Again {
		_, now := s.now[n.ID]
		_, older := s.older[n.ID]
		if now || older {
			return true
		}
	}
	if s.now == nil || len(s.now) >= maxSeen {
		s.now, s.older = map[uint64]struct{}{}, s.now
	}
	s.now[n.ID] = struct{}{}
	return false
}
