package workload

import (
	"slices"

	"github.com/dmwake/dmwake/harness/load"
)

// Key is a key of a plan, for documents and messages.
type Key struct {
	Name    string
	Takes   string
	Default string // empty: none
	Example string
	Does    string
}

// PlanKeys lists the keys of a plan.
func PlanKeys() []Key {
	return []Key{
		{"devices", "whole number", "that of `--devices`, 100", "200", "how many devices there are; `--devices` wins over it"},
		{"duration", "time", "", "24h", "how long the plan lasts; it needs one"},
		{"warmup", "time", "0s", "1m", "how long the beginning is that does not count"},
		{"speed", "number", "1", "1440", "how many times as fast the plan is run; `--speed` wins over it"},
		{"seed", "whole number", "random", "7", "seed of identities and random choices; `--seed` wins over it"},
		{"parts", "list of parts", "", "[{poll: 15m}]", "what the load consists of; it needs one or more"},
	}
}

// PartKeys lists the keys of a part: its name, and the one thing that it does.
func PartKeys() []Key {
	return []Key{
		{"name", "text", "what the part does", "a working day", "the name of the part in results and conditions"},
		{string(load.KindPush), "values", "", "{rate: 0.5, work: get}", "a device is woken by push, with work"},
		{string(load.KindPoll), "values", "", "{every: 8h}", "each device checks in at an interval, whatever schedule the server set; the first polls are spread evenly over one interval"},
		{string(load.KindStorm), "values", "", "{at: 20h, within: 10m}", "all devices check in, as after an outage"},
		{string(load.KindLogin), "values", "", "{day: {from: 7h, to: 10h, peak: 0.01}}", "a user logs in, and the device checks in and says so (LoginStatus)"},
		{string(load.KindEnroll), "values", "", "{rate: 0.0005}", "a new device enrolls; it takes no part in the other parts"},
		{string(load.KindReenroll), "values", "", "{rate: 0.0005}", "a device enrolls again, as after a reset, without telling the server before"},
		{string(load.KindChurn), "values", "", "{rate: 0.0002}", "a device unenrolls, and a new one enrolls in its place"},
	}
}

// ValueKeys lists the values of parts. Of says which parts have one.
func ValueKeys() []Key {
	return []Key{
		{"rate", "rate", "", "1+20@9h/10m", "items a second, in the forms of `--rate`: `0.5`, `0.5..5` (a ramp), `1,5,2` (steps), `1+20@9h/10m` (a spike)"},
		{"day", "values", "", "{from: 8h, to: 18h, peak: 5}", "a working day in place of a rate; the plan starts at midnight"},
		{"poisson", "true or false", "false", "true", "random intervals, as with independent users"},
		{"sender", "text", "that of `--sender`", "own", "who pushes: `hook`, `own`, `wns` or `none`"},
		{"work", "text, or texts and weights", "none", "{get: 6, profile:20: 3, none: 10}", "what a push delivers: `none`, `get`, `wipe`, `app`, `profile:20` (20 settings), or several of them with weights"},
		{"who", "text", "that of `--who`", "random", "which device is next: `round` or `random`"},
		{"every", "time", "", "8h", "the interval at which each device checks in"},
		{"at", "time", "", "20h", "when the storm begins, in the time of the plan"},
		{"within", "time", "all at once", "10m", "how long it takes until all devices are back"},
	}
}

// DayKeys lists the keys of day.
func DayKeys() []Key {
	return []Key{
		{"from", "time", "", "8h", "when the day begins; in its first quarter the rate rises from base to peak"},
		{"to", "time", "", "18h", "when it ends; in its last quarter the rate falls"},
		{"peak", "number", "", "5", "items a second in between"},
		{"base", "number", "0", "0.1", "items a second at night"},
	}
}

// Of are the parts that have a value, and those that may be written as that value alone.
func Of(value string) (parts, alone []string) {
	for _, k := range kindNames() {
		values := kinds[load.Kind(k)]
		if slices.Contains(values, value) {
			parts = append(parts, k)
		}
		if values[0] == value {
			alone = append(alone, k)
		}
	}
	return parts, alone
}

func namesOf(keys []Key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.Name
	}
	return out
}
