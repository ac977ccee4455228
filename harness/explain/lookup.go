package explain

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Found is one meaning of a code.
type Found struct {
	Where string // who answers with it
	Code  string
	Answer
}

// Sources of codes, and the words that narrow a search to one of them.
const (
	whereSyncML = "SyncML status, answered by a device"
	wherePush   = "Push/Status, reported by a device"
	whereWNS    = "WNS, in answer to a notification"
	whereToken  = "the token endpoint"
	whereOther  = "on this path"
)

var narrow = map[string]string{"syncml": whereSyncML, "push-status": wherePush, "status": wherePush, "wns": whereWNS, "token": whereToken}

// Place returns all codes from one of the Narrows.
func Place(in string) []Found {
	return slices.DeleteFunc(All(), func(f Found) bool { return f.Where != narrow[in] })
}

// Lookup returns all meanings of a code; in is "syncml", "push-status", "wns",
// "token" or empty for all. The result is empty for a code unknown on this path.
func Lookup(in, code string) (out []Found) {
	for _, f := range All() {
		if strings.EqualFold(f.Code, code) && (in == "" || f.Where == narrow[in]) {
			out = append(out, f)
		}
	}
	return out
}

// Narrows returns the words that Lookup accepts.
func Narrows() []string { return slices.Sorted(maps.Keys(narrow)) }

// All returns all codes, source by source.
func All() (out []Found) {
	numbers := func(where string, list map[int]Answer) {
		for _, code := range slices.Sorted(maps.Keys(list)) {
			out = append(out, Found{where, strconv.Itoa(code), list[code]})
		}
	}
	texts := func(where string, list map[string]Answer) {
		for _, code := range slices.Sorted(maps.Keys(list)) {
			out = append(out, Found{where, code, list[code]})
		}
	}
	numbers(whereSyncML, statuses)
	numbers(wherePush, pushStatuses)
	numbers(whereWNS, notifications)
	for _, word := range []string{"received", "dropped", "channelthrottled"} {
		out = append(out, Found{whereWNS, word, accepted(word)})
	}
	texts(whereToken, oauth)
	texts(whereToken, aadsts)
	texts(whereOther, words)
	return out
}
