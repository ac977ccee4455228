package dmwake

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// TestParts: pushes and polls of one, two and three processes are the same, part by part
// and bucket for bucket.
func TestParts(t *testing.T) {
	prom := prometheus(t, true)
	var single *result.Result
	for n := 1; n <= 3; n++ {
		c := test{prometheus: prom, id: fmt.Sprintf("parts-%d", n), env: []string{"REHEARSE=true", "DEVICES=60", "RATE=50..150", "POISSON=true", "POLL=1s", "DURATION=3s", "WARMUP=1s"}}
		list := c.run(t, n)
		code, text, whole := verify(t, append(results(list), "--prometheus", prom, "--instances", fmt.Sprint(n), "--expect", "polls: done==120", "--expect", "pushes: lost==0")...)
		if code != 0 || whole == nil || len(whole.Parts) != 2 {
			t.Fatalf("%d processes: exit code %d\n%s", n, code, text)
		}
		for _, want := range []string{"counts for each instance (pushes)", "counts for each instance (polls)", "within a bucket (polls)", "all 120 polls were started", "the parts add up"} {
			if !strings.Contains(text, want) {
				t.Errorf("%d processes, want %q\n%s", n, want, text)
			}
		}
		if n == 1 {
			single = whole
			continue
		}
		if whole.Counts != single.Counts || whole.Config.Rate != single.Config.Rate {
			t.Errorf("%d processes: %+v of %s, one process: %+v of %s", n, whole.Counts, whole.Config.Rate, single.Counts, single.Config.Rate)
		}
		for i := range single.Parts {
			a, b := &single.Parts[i], &whole.Parts[i]
			if a.Name != b.Name || a.Plan != b.Plan || a.Counts != b.Counts || a.Planned != b.Planned {
				t.Errorf("%d processes: %s %+v, one process: %s %+v", n, b.Name, b.Counts, a.Name, a.Counts)
			}
			for s, h := range a.Stages {
				if b.Stages[s].Hist != h.Hist {
					t.Errorf("%d processes: another histogram of %s of %s", n, s, a.Name)
				}
			}
		}
	}
}

// TestPartsOfDevices: three processes with real devices, that poll and are pushed, are one
// process.
func TestPartsOfDevices(t *testing.T) {
	run := func(n int) *result.Result {
		began := time.Now().Add(12 * time.Second)
		c := test{prometheus: "http://127.0.0.1:1", id: fmt.Sprintf("real-%d", n), env: []string{"DEVICES=12", "RATE=9", "POLL=1s", "DURATION=3s", "WORK=get", "START_AT=" + fmt.Sprint(began.UnixMilli())}}
		code, text, whole := verify(t, append(results(c.run(t, n)), "--instances", fmt.Sprint(n), "--expect", "failed==0", "--expect", "polls: lost==0", "--expect", "pushes: lost==0")...)
		if code != 0 || whole == nil || len(whole.Parts) != 2 {
			t.Fatalf("%d processes: exit code %d\n%s", n, code, text)
		}
		return whole
	}
	one, three := run(1), run(3)
	for name, want := range map[string]int64{"pushes": 27, "polls": 36} {
		for _, r := range []*result.Result{one, three} {
			// A poll that comes just before a push delivers its work.
			if p := r.Find(name); p.Planned != want || p.Counts.Started != want || p.Counts.Done+p.Counts.Polled != want || name == "polls" && p.Counts.Polled != 0 {
				t.Errorf("%s: %+v of %d planned, want %d", name, p.Counts, p.Planned, want)
			}
		}
	}
}

// TestPartsOfScript: the script gets the figures of each part, whatever the parts of a
// batch are, and the result has all batches.
func TestPartsOfScript(t *testing.T) {
	prom := prometheus(t, true)
	c := test{prometheus: prom, id: "script", script: script(t, `
  const fleet = await dmwake.open({ devices: 6, sender: 'wns', resident: true, unscheduled: true, result: __ENV.RESULT });
  const both = await fleet.rate(10, '1s', { poll: '500ms' });
  if (both.parts.push.started !== 10 || both.parts.poll.started !== 12 || both.started !== 22 || both.parts.poll.done !== 12) throw new Error(JSON.stringify(both));
  if (!(both.parts.poll.stages.whole.p99 > 0) || both.parts.poll.stages.wake) throw new Error(JSON.stringify(both));
  for (const none of [0, '0', '', null]) {
    const polls = await fleet.rate(none, '1s', { poll: '1s' });
    if (polls.started !== 6 || polls.parts.push || polls.parts.poll.done !== 6) throw new Error(JSON.stringify(polls));
  }
  const burst = await fleet.burst(8);
  if (burst.done !== 8 || burst.parts.push.done !== 8 || burst.parts.poll) throw new Error(JSON.stringify(burst));
  await fleet.wake();
  await fleet.close();`), args: []string{"--tag", "instance_id=1"}}
	p := c.run(t, 1)[0]
	if strings.Contains(p.out.String(), "level=error") {
		t.Fatal(p.out)
	}
	code, text, whole := verify(t, p.result, "--prometheus", prom, "--expect", "polls: done==36", "--expect", "pushes: started==19")
	if code != 0 || whole == nil || len(whole.Parts) != 2 || whole.Counts.Started != 55 {
		t.Errorf("exit code %d\n%s", code, text)
	}
}
