package result

import "slices"

// Stage is one part of the way from the trigger to the finished work.
type Stage string

// The stages. Whole is measured from the time at which the wake-up was due, so
// that a stalled server shows in all wake-ups that were due during the stall.
const (
	Late    Stage = "late"    // due -> started: the delay of dmwake itself
	Queue   Stage = "queue"   // started -> the hook queued the work
	Trigger Stage = "trigger" // trigger -> notification at WNS: the server's sender
	Wake    Stage = "wake"    // notification at WNS -> device
	Open    Stage = "open"    // device -> package 1 leaves it, on an open connection
	Wait    Stage = "wait"    // first part of open: device -> its session begins
	Out     Stage = "out"     // wake and open: notification at WNS -> package 1 leaves the device
	Reply   Stage = "reply"   // package 1 -> first reply of the server
	Done    Stage = "done"    // first reply -> commands executed
	Ack     Stage = "ack"     // commands executed -> acknowledged by the server
	Whole   Stage = "whole"   // due -> session ended
	Polled  Stage = "polled"  // due -> a poll delivered the work, not the push

	// Of devices that come and go:
	Leave  Stage = "leave"  // its session with the unenrollment alert
	Enroll Stage = "enroll" // discovery, policies and certificate
	Ready  Stage = "ready"  // enrolled -> its first sessions are over, and it has a channel
)

// Stages lists all stages in the order of the way.
func Stages() []Stage {
	return []Stage{Late, Queue, Trigger, Wake, Wait, Open, Out, Reply, Done, Ack, Leave, Enroll, Ready, Whole, Polled}
}

func isStage(name string) bool { return slices.Contains(Stages(), Stage(name)) }
