package mdmserver

import (
	"strconv"
	"testing"
)

// TestForgetDone: the latest done commands are kept, and every command that waits.
func TestForgetDone(t *testing.T) {
	d := &Device{}
	for i := range 10 * maxDone {
		state := StateDone
		if i%10 == 0 {
			state = StateQueued
		}
		d.Commands = append(d.Commands, &Command{ID: strconv.Itoa(i), State: state})
		d.forgetDone(1)
	}
	done, waiting, last := 0, 0, -1
	for _, c := range d.Commands {
		n, err := strconv.Atoi(c.ID)
		if err != nil || n < last {
			t.Fatal("the order is lost")
		}
		if last = n; c.State == StateDone {
			done++
		} else {
			waiting++
		}
	}
	if done > maxDone || done < maxDone/2 || waiting != maxDone || last != 10*maxDone-1 {
		t.Errorf("%d done, %d waiting, the last is %d", done, waiting, last)
	}
	d.forgetDone(1_000_000)
	if n := len(d.Commands) - waiting; n > minDone || n == 0 {
		t.Errorf("one of a million devices has %d that are done", n)
	}
}
