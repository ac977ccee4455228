package fakewns

import (
	"testing"
	"time"
)

func TestSettings(t *testing.T) {
	s := New(Config{AppRate: 2, ChannelRate: 3})
	if got, want := s.Settings(), (Settings{AppRate: 2, ChannelRate: 3, TokenLifetime: 24 * time.Hour}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	s.Advance(time.Hour)
	s.SetChannelBase("https://127.0.0.1/")
	s.OnWake(func(string, uint64) {})
	if got := s.Settings(); got.Offset != time.Hour || got.ChannelBase != "https://127.0.0.1/" || !got.Watched {
		t.Errorf("%+v", got)
	}
}
