package explain

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Found is one thing that a code can be.
type Found struct {
	Where string // whose answer it is
	Code  string
	Answer
}

// Places a code can come from, and the word that narrows a search to one.
const (
	whereSyncML = "SyncML status, answered by a device"
	wherePush   = "Push/Status, told by a device"
	whereWNS    = "WNS, in answer to a notification"
	whereToken  = "the token endpoint"
	whereOther  = "on this path"
)

var narrow = map[string]string{"syncml": whereSyncML, "push-status": wherePush, "status": wherePush, "wns": whereWNS, "token": whereToken}

// Place gives everything that comes from one of the Narrows.
func Place(in string) []Found {
	return slices.DeleteFunc(All(), func(f Found) bool { return f.Where != narrow[in] })
}

// Lookup gives everything a code can be; in is "syncml", "push-status", "wns",
// "token" or empty for all. Nothing is found where it is none of this path.
func Lookup(in, code string) (out []Found) {
	for _, f := range All() {
		if strings.EqualFold(f.Code, code) && (in == "" || f.Where == narrow[in]) {
			out = append(out, f)
		}
	}
	return out
}

// Narrows are the words that Lookup takes.
func Narrows() []string { return slices.Sorted(maps.Keys(narrow)) }

// All is everything there is, place by place.
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
