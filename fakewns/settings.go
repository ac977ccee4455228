package fakewns

import "time"

// Settings are what callers can change while the service runs, apart from Apps
// and Faults.
type Settings struct {
	Offset      time.Duration // how far Advance moved the clock
	ChannelBase string
	// AppRate and ChannelRate are notifications per second; 0: unlimited.
	AppRate, ChannelRate float64
	TokenLifetime        time.Duration
	Watched              bool // OnWake has a function
}

// Settings returns the current settings.
func (s *Server) Settings() Settings {
	s.channels.mu.RLock()
	defer s.channels.mu.RUnlock()
	return Settings{
		Offset: time.Duration(s.offset.Load()), ChannelBase: s.cfg.ChannelBase,
		AppRate: s.cfg.AppRate, ChannelRate: s.cfg.ChannelRate, TokenLifetime: s.cfg.TokenLifetime, Watched: s.onWake.Load() != nil,
	}
}
