package workload

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load"
)

const whole = `devices: 2000
duration: 24h
warmup: 30m
speed: 60
seed: 7
parts:
  - name: pushes
    push: {rate: 0.5..5, sender: hook, work: {get: 6, profile:20: 3, wipe: 0.001, none: 10}, who: random, poisson: true}
  - name: polling
    poll: 15m
  - enroll: {rate: 0.1}
  - reenroll: 0.05
  - name: back after the outage
    storm: {at: 9h, within: 30s}
  - name: a working day
    push: {day: {from: 8h, to: 18h, peak: 5}, work: get}
  - login: {rate: 1}
  - churn: {rate: 0.1}
  - push: 0.1
  - enroll: 0.1
`

// TestRead: all that a plan can say.
func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if p.Devices != 2000 || p.Duration != 24*time.Hour || p.Warmup != 30*time.Minute || p.Speed != 60 || p.Seed != 7 {
		t.Errorf("%+v", p)
	}
	var got []string
	for _, q := range p.Parts {
		got = append(got, strings.Join([]string{q.Name, string(q.Kind), q.Text(), q.Sender, q.Who, q.Mix.Text()}, "|"))
	}
	want := []string{
		"pushes|push|0.5..5|hook|random|get=6, profile:20=3, wipe=0.001, none=10",
		"polling|poll|every 15m|||",
		"enroll|enroll|0.1|||",
		"reenroll|reenroll|0.05|||",
		"back after the outage|storm|all devices at 9h within 30s|||",
		"a working day|push|8h to 18h each day, peak 5|||get",
		"login|login|1|||",
		"churn|churn|0.1|||",
		"push|push|0.1|||none",
		"enroll 2|enroll|0.1|||",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !p.Parts[0].Plan.Poisson || p.Parts[2].Plan.Poisson || p.Parts[0].Plan.Warmup != 30*time.Minute {
		t.Error("poisson or warmup is lost")
	}
}

// TestErrors: each mistake is named with its place, and with what to write instead.
func TestErrors(t *testing.T) {
	const head = "duration: 1h\n"
	for text, want := range map[string]string{
		"":            "p.yaml: the plan is empty; it needs a duration and parts",
		"# nothing\n": "p.yaml: the plan is empty; it needs a duration and parts",
		"a: [":        "p.yaml: line 1 is not YAML: did not find expected node content",
		"just words":  "p.yaml:1:1: the plan has names and values; write one or more of devices, duration, warmup, speed, seed, parts",
		"duraton: 1h\nparts: [{polll: {evry: 1m}}, {push: {rat: 1, wrok: get}}, {poll: {evry: 1m}}]": "p.yaml:1:1: the plan has no \"duraton\"; did you mean duration?\np.yaml:1:1: the plan has no duration; write how long it lasts, such as duration: 1h\n" +
			"p.yaml:2:10: a part has no \"polll\"; did you mean poll?\np.yaml:2:38: push has no \"rat\"; did you mean rate?\np.yaml:2:46: push has no \"wrok\"; did you mean work?\np.yaml:2:67: poll has no \"evry\"; did you mean every?",
		"parts: [{poll: 1m}]":      "p.yaml:1:1: the plan has no duration; write how long it lasts, such as duration: 1h",
		head:                       "p.yaml:1:1: the plan has no parts; write at least one, such as - poll: {every: 15m}",
		head + "parts: []":         "p.yaml:2:8: parts is a list; write each part on a line of its own that begins with -",
		head + "parts: {poll: 1m}": "p.yaml:2:8: parts is a list; write each part on a line of its own that begins with -",
		head + "part: [{poll: 1m}]": "p.yaml:1:1: the plan has no parts; write at least one, such as - poll: {every: 15m}\n" +
			`p.yaml:2:1: the plan has no "part"; did you mean parts?`,
		head + "zzzzzzzzzzzz: 1\nparts: [{poll: 1m}]":                              `p.yaml:2:1: the plan has no "zzzzzzzzzzzz"; it has devices, duration, warmup, speed, seed, parts`,
		head + "duration: 2h\nparts: [{poll: 1m}]":                                 `p.yaml:2:1: the plan has "duration" twice; leave one of them`,
		"duration: 0\nparts: [{poll: 1m}]":                                         "p.yaml:1:11: duration: 0 is not a duration; write 10m or 24h",
		"duration: 90\nparts: [{poll: 1m}]":                                        "p.yaml:1:11: duration: 90 has no unit; write 90s, 90m or 90h\np.yaml:1:11: duration: 0 is not a duration; write 10m or 24h",
		head + "warmup: 1h\nparts: [{poll: 1m}]":                                   "p.yaml:2:9: warmup: 1h0m0s leaves nothing of the duration 1h0m0s",
		head + "devices: many\nparts: [{poll: 1m}]":                                `p.yaml:2:10: devices: "many" is not a number`,
		head + "devices: 1.5\nparts: [{poll: 1m}]":                                 "p.yaml:2:10: devices: 1.5 is not a whole number",
		head + "devices: 9e9\nparts: [{poll: 1m}]":                                 "p.yaml:2:10: devices: 9e9 is not from 1 to 1000000",
		head + "speed: 0\nparts: [{poll: 1m}]":                                     "p.yaml:2:8: speed: 0 is not above 0 and up to 10000",
		head + "parts:\n  - poll: -1m":                                             "p.yaml:3:11: every: -1m is negative",
		head + "parts:\n  - poll: soon":                                            `p.yaml:3:11: every: "soon" is not a time; write it like 90s, 15m, 1h30m or 2d`,
		head + "parts:\n  - poll: {every: 10ms}":                                   "p.yaml:3:19: every 10ms is every 10ms at speed 1, and a session takes longer; write 50ms or more",
		head + "speed: 600\nparts:\n  - poll: 15s":                                 "p.yaml:4:11: every 15s is every 25ms at speed 600, and a session takes longer; write 30s or more",
		head + "parts:\n  - poll: 1m\n  - poll: 2m":                                `p.yaml:4:5: a device polls at one interval, and part "poll" polls already; leave one of them`,
		head + "parts:\n  - pol: 1m":                                               `p.yaml:3:5: a part has no "pol"; did you mean poll?`,
		head + "parts:\n  - poll: {evry: 1m}":                                      `p.yaml:3:12: poll has no "evry"; did you mean every?`,
		head + "parts:\n  - poll: {}":                                              "p.yaml:3:11: poll has names and values; write one or more of every",
		head + "parts:\n  - poll:":                                                 "p.yaml:3:10: poll has names and values; write one or more of every",
		head + "parts:\n  - storm: {within: 30s}":                                  "p.yaml:3:12: storm needs at, such as {at: 15m}",
		head + "parts:\n  - storm: {at: 59m, within: 2m}":                          "p.yaml:3:17: the storm ends at 1h1m0s, and the plan at 1h0m0s; begin it earlier, or let the plan last longer",
		head + "warmup: 10m\nparts:\n  - storm: 5m":                                "p.yaml:4:12: the storm begins at 5m0s, in the warm-up, which does not count; begin it at 10m0s or later",
		head + "parts:\n  - name: a":                                               "p.yaml:3:5: this part does nothing; add one of push, poll, storm, login, enroll, reenroll, churn",
		head + "parts:\n  - push: 1\n    poll: 1m":                                 "p.yaml:4:5: a part does one thing, and this one has push and poll; make two parts of it",
		head + "parts:\n  - name: a\n    push: 1\n  - name: a\n    login: 1":       `p.yaml:5:5: part 1 is named "a", too; the result tells parts apart by their names`,
		head + "parts:\n  - push: fast":                                            `p.yaml:3:11: rate: "fast" is not a number of wake-ups a second from 0 to 1000000`,
		head + "parts:\n  - push: {rate: 0}":                                       `p.yaml:3:18: rate: "0" starts no wake-ups`,
		head + "parts:\n  - push: {work: get}":                                     "p.yaml:3:11: push needs a rate or a day, such as {rate: 0.5} or {day: {from: 8h, to: 18h, peak: 5}}",
		head + "parts:\n  - push: {rate: 1, day: {from: 0h, to: 1h, peak: 1}}":     "p.yaml:3:26: push has a rate and a day; leave one of them",
		head + "parts:\n  - push: {rate: 1, sender: hok}":                          `p.yaml:3:29: sender: "hok" is unknown; choose one of hook, own, wns, none`,
		head + "parts:\n  - push: {rate: 1, work: gett}":                           `p.yaml:3:27: work: "gett" is unknown; choose none, get, wipe, app or profile:N`,
		head + "parts:\n  - push: {rate: 1, work: {get: x}}":                       `p.yaml:3:33: work: the weight of get: "x" is not a number` + "\np.yaml:3:27: work: all weights are 0; give at least one above 0",
		head + "parts:\n  - push: {rate: 1, work: {profile:900: 1}}":               `p.yaml:3:28: work: "profile:900": a profile has 1 to 500 settings`,
		head + "parts:\n  - push: {rate: 1, who: all}":                             `p.yaml:3:26: who: "all" is unknown; choose one of round, random`,
		head + "parts:\n  - push: {day: {from: 8h, peak: 5}}":                      "p.yaml:3:17: day has no to; it needs from, to and peak, such as {from: 8h, to: 18h, peak: 5}",
		head + "parts:\n  - push: {day: {from: 8h, to: 7h, peak: 5}}":              "p.yaml:3:17: rate: the day is from 8h to 7h; give two times of one day, such as 8h and 18h",
		head + "parts:\n  - push: {day: {from: 8h, to: 9h, peak: 5}}":              "p.yaml:3:17: rate: the day begins at 8h, and the plan ends at 1h",
		head + "devices: 10\nparts:\n  - push: {rate: 1, work: {get: 1, wipe: 1}}": "p.yaml:4:5: about 1800 wipes are due, and there are 10 devices, each of which can be wiped once; lower the weight of wipe, or take more devices",
		head + "parts:\n  - enroll: {rate: 1000}":                                  "p.yaml:3:5: with its new devices the plan has 3600000; a process holds up to 1000000; lower the rate",
		head + "speed: 60\nparts:\n  - push: {rate: 20000}":                        "p.yaml:4:5: at speed 60 this part starts 1200000 items a second; a process starts up to 1000000",
		head + "parts: [{poll: 1m}]\n---\nx: 1":                                    "p.yaml: a plan is one YAML document, and there are more; remove what follows the line ---",
	} {
		_, err := Parse("p.yaml", []byte(text))
		if err == nil {
			t.Errorf("%q was accepted, want %s", text, want)
			continue
		}
		lines := strings.Split(want, "\n")
		for _, line := range lines {
			if !strings.Contains(err.Error(), line) {
				t.Errorf("%q:\n%v\nwant\n%s", text, err, line)
			}
		}
		if n := strings.Count(err.Error(), "\n") + 1; n != len(lines) {
			t.Errorf("%q: %d errors, want %d:\n%v", text, n, len(lines), err)
		}
	}
}

// TestTimes: times are written as people write them.
func TestTimes(t *testing.T) {
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "0.5d": 12 * time.Hour, "1h30m": 90 * time.Minute} {
		p, err := Parse("p.yaml", []byte("duration: "+text+"\nparts: [{poll: 1m}]"))
		if err != nil || p.Duration != want {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
}

// TestAlias: YAML's anchors work.
func TestAlias(t *testing.T) {
	p, err := Parse("p.yaml", []byte("duration: 1h\nparts:\n  - name: a\n    push: &p {rate: 1, work: get}\n  - name: b\n    push: *p\n"))
	if err != nil || len(p.Parts) != 2 || p.Parts[1].Mix.Text() != "get" || p.Parts[1].Kind != load.KindPush {
		t.Errorf("%+v %v", p, err)
	}
}

// FuzzParse: no text is a panic, and every error names the file.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("duration: 1h\nparts:\n  - push: {rate: 1, work: {get: 1, wipe: 0.1}}\n")
	f.Add("duration: 1h\nparts: &a [*a]\n")
	f.Add("duration: 1h\nparts:\n  - &a {poll: *a}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := Parse("p.yaml", []byte(text)); err != nil && !strings.HasPrefix(err.Error(), "p.yaml:") {
			t.Errorf("%v", err)
		}
	})
}
