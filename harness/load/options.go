package load

import (
	"net"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// The senders: who pushes.
const (
	SenderHook = "hook" // the server, when its push hook is called
	SenderOwn  = "own"  // the server by itself, when something is queued
	SenderWNS  = "wns"  // dmwake instead of the server
	SenderNone = "none" // nobody: devices poll
)

// The orders in which devices are woken.
const (
	whoRound  = "round" // each in turn
	whoRandom = "random"
)

// Options of a run.
type Options struct {
	Devices int
	Profile string
	// State is a file of enrolled devices (dmwake device enroll) to use instead of
	// new ones. Devices limits how many of them take part.
	State string
	// Plan says when devices are woken. Nil: Drive says what to do.
	Plan *Plan
	// Poll is the interval at which each device checks in, in the time of Plan, whatever
	// schedule the server set; 0: as the server set it.
	Poll time.Duration
	// Unscheduled lets devices ignore the schedule of the server, as they do with Poll.
	Unscheduled bool
	// Speed compresses the time of Plan and Poll: with 60, a minute of it takes a second.
	// 0 is 1. Measured times, Drain and At are real.
	Speed float64
	// Parts replaces Plan and Poll, and what they are for: Storm, Who, Sender and Work.
	Parts  []*Part
	Storm  bool   // wake all devices at once, at the start of the counted time
	Who    string // round or random
	Sender string // empty: the best one for the target
	Work   Work
	// Offline is the share of devices without a network.
	Offline float64
	Key     string // ec or rsa
	KeyPool int    // number of RSA keys, shared by the devices
	Curve   string // of TLS: x25519, or empty for Go's default
	Workers int    // concurrent sessions; 0: as many as reasonable
	// Resident keeps devices and their connections in memory between sessions. It
	// needs more memory per device and saves the handshake of each wake-up.
	Resident bool
	// Drain is how long to wait for unfinished wake-ups after the plan has ended.
	Drain time.Duration
	Seed  uint64
	// Share is this process's part of Devices and of the plan's wake-ups if several
	// processes share the load.
	Share result.Share
	// At is when the plan starts, so that several processes start together. Zero:
	// as soon as the devices are ready.
	At time.Time
	// Rehearse enrolls and wakes no device. Each wake-up takes a made-up time that
	// depends on its number only, to try out merging and verification.
	Rehearse bool
	// TraceHeaders sends W3C Trace Context with each request of a wake-up, and lists the
	// slowest ones in the result.
	TraceHeaders bool
	// Progress is called about once a second.
	Progress func(Progress)
	// Observe is called for each measured stage of a part. It must not block.
	Observe func(part string, stage result.Stage, d time.Duration)
	// Waited is called for each wake-up whose work came with a poll: how long it waited
	// until the poll was due, and how long it took from then on. It must not block.
	Waited func(wait, rest time.Duration)
	// Begun is called with the moment at which the plan starts, right before it does.
	Begun func(start time.Time)
	// Dialed is called for each connection of a device with the server, and returns the
	// connection to use. Asked is called for each request of a session.
	Dialed func(net.Conn) net.Conn
	Asked  func()
	// Enrolled is called after each device that enrolled or failed to.
	Enrolled func(done, failed int)

	clock dmclient.Clock // of the devices; nil: the clock of the machine
	parts []*Part        // of a run by Go, in compressed time
}

const (
	// MaxDevices limits the devices of one process.
	MaxDevices = 1_000_000
	// maxSessions is the default limit of concurrent sessions.
	maxSessions = 1024
)

// own is the number of devices of this process.
func (o *Options) own() int { return int(o.Share.Count(int64(o.Devices))) }

// withDefaults returns a copy in which every empty option with a default has it.
func (o *Options) withDefaults(l *lab.Lab) *Options {
	full := *o
	if full.Sender == "" && !full.Rehearse {
		full.Sender = defaultSender(l)
	}
	full.resolve()
	if full.Workers == 0 {
		full.Workers = full.reasonableWorkers()
	}
	if full.Enrolled == nil {
		full.Enrolled = func(int, int) {}
	}
	return &full
}

// defaultSender is the server if it has a push hook or pushes by itself, and
// otherwise dmwake.
func defaultSender(l *lab.Lab) string {
	switch h := &l.Config.Target.Hooks; {
	case h.Push != nil:
		return SenderHook
	case l.Config.Target.PushOnQueue && h.Queue != nil:
		return SenderOwn
	}
	return SenderWNS
}

// check reports the first option that is wrong, or that this target or machine
// cannot satisfy. It expects options with defaults, and changes nothing.
func (o *Options) check(l *lab.Lab) error {
	if err := o.checkNumbers(); err != nil {
		return err
	}
	if err := o.checkParts(); err != nil || o.Rehearse {
		return err
	}
	if err := o.checkValues(); err != nil {
		return err
	}
	if err := o.checkTarget(l); err != nil {
		return err
	}
	if _, err := l.Config.Target.Profile(o.Profile); o.State == "" && err != nil {
		return optionError("Profile", "%w", err)
	}
	if err := o.checkLimits(); err != nil {
		return err
	}
	return nil
}

func (o *Options) checkNumbers() error {
	if err := o.Share.Check(o.Devices); err != nil {
		return optionError("Share", "%w", err)
	}
	switch {
	case o.Workers < 0:
		return optionError("Workers", "%d concurrent sessions; give 1 or more, or leave it out", o.Workers)
	case o.Devices < 1 || o.Devices > MaxDevices:
		return optionError("Devices", "%d is not from 1 to 1,000,000", o.Devices)
	}
	return nil
}

// checkValues checks options on their own and against each other.
func (o *Options) checkValues() error {
	switch {
	case o.Offline == 1 && o.polled() != nil: // work comes by polls only
	case o.Offline < 0 || o.Offline >= 1:
		return optionError("Offline", "%g is not a share from 0 to below 1", o.Offline)
	case o.Key != "ec" && o.Key != "rsa":
		return optionError("Key", "%q is neither ec nor rsa", o.Key)
	case o.Key == "rsa" && o.KeyPool < 1:
		return optionError("KeyPool", "%d keys; give 1 or more", o.KeyPool)
	case o.Drain < 0:
		return optionError("Drain", "%s is negative", o.Drain)
	case o.Who != whoRound && o.Who != whoRandom:
		return optionError("Who", "%q is neither round nor random", o.Who)
	case o.State != "" && !o.Share.Whole():
		return optionError("State", "a state file belongs to one machine; leave %s out, and give each machine its own file", Field("Share"))
	case o.State != "" && o.Resident:
		return optionError("Resident", "devices of %s stay records of the file; leave %s out", Field("State"), Field("Resident"))
	}
	if len(o.parts) == 0 { // Drive says whether devices poll
		return nil
	}
	return o.checkReached(o.polled() != nil)
}

// checkReached checks that something brings devices to the server: pushes, polls of the
// run, or the server's schedule.
func (o *Options) checkReached(polls bool) error {
	switch {
	case polls || !o.sends(SenderNone) || o.Rehearse:
	case o.Resident:
		return optionError("Resident", "resident devices do not poll by the server's schedule, and with %s none nobody pushes; leave %s out, give an interval (%s) or choose another sender", Field("Sender"), Field("Resident"), Field("Poll"))
	case o.Unscheduled:
		return optionError("Unscheduled", "the devices ignore the server's schedule, and with %s none nobody pushes; leave %s out, give an interval (%s) or choose another sender", Field("Sender"), Field("Unscheduled"), Field("Poll"))
	}
	return nil
}
