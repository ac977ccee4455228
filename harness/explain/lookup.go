package explain

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Found is one meaning of a code.
type Found struct {
	Where string // who shows it
	Code  string // a status, a word, or a number as 0x and eight digits
	Answer
	unspecific bool // nothing is known but the family
}

// Number is the code as an HRESULT; ok is false for other codes.
func (f *Found) Number() (n uint32, ok bool) {
	v, err := strconv.ParseUint(strings.TrimPrefix(f.Code, "0x"), 16, 32)
	return uint32(v), err == nil && strings.HasPrefix(f.Code, "0x")
}

// Sources of codes, and the words that narrow a search to one of them.
const (
	whereSyncML  = "SyncML status, answered by a device"
	wherePush    = "Push/Status, reported by a device"
	whereWNS     = "WNS, in answer to a notification"
	whereToken   = "the token endpoint"
	whereAlert   = "Alert, sent by a device"
	whereEnroll  = "Windows, at enrollment"
	whereHTTP    = "Windows, for an HTTP status"
	whereConsole = "a console, for a command"
	whereMDM     = "Windows, for a command"
	whereInstall = "Windows, at an installation"
	whereConnect = "Windows, for a connection"
	whereClient  = "Windows, its push client"
	whereWindows = "Windows"
)

var narrow = map[string]string{"syncml": whereSyncML, "push-status": wherePush, "status": wherePush, "wns": whereWNS, "token": whereToken}

// pages of harness/docs say more of what is shown by them.
var pages = map[string]string{
	whereEnroll: "codes.md", whereHTTP: "codes.md", whereConsole: "codes.md", whereMDM: "codes.md", whereInstall: "devices.md",
	whereConnect: "server.md", whereToken: "server.md", whereWNS: "lab.md", wherePush: "devices.md", whereSyncML: "devices.md",
}

// families are the codes that are numbers of 32 bits, with what all of a family
// have in common.
var families = []struct {
	where  string
	list   map[uint32]Answer
	source string
}{
	{whereEnroll, enrollment, mdmreg},
	{whereMDM, configManager, cfgmgr},
	{whereConsole, consoleCodes, intune},
	{whereInstall, install, appx},
	{whereConnect, connection, ""},
	{whereClient, pushClient, wpnPage},
	{whereWindows, windows, system},
}

// index has every code that stands in a table, in the order of All.
var index = sync.OnceValue(func() (out []Found) {
	add := func(where, code string, a Answer, source string) {
		a.Source, a.Strength = cmp.Or(a.Source, source), cmp.Or(a.Strength, Documented)
		if page := pages[where]; page != "" && len(a.Docs) == 0 {
			a.Docs = []string{page}
		}
		out = append(out, Found{Where: where, Code: code, Answer: a})
	}
	numbers := func(where string, list map[int]Answer, source string) {
		for _, code := range slices.Sorted(maps.Keys(list)) {
			add(where, strconv.Itoa(code), list[code], source)
		}
	}
	texts := func(where string, list map[string]Answer, source string) {
		for _, code := range slices.Sorted(maps.Keys(list)) {
			add(where, code, list[code], source)
		}
	}
	numbers(whereSyncML, statuses, omadm)
	for _, c := range csps {
		add(whereSyncML, fmt.Sprintf("%d %s", c.Status, c.Name), c.Answer, omadm)
	}
	numbers(wherePush, pushStatuses, csp)
	numbers(whereWNS, notifications, learnWNS)
	texts(whereWNS, states, learnWNS)
	texts(whereToken, oauth, oauth2)
	texts(whereToken, aadsts, entra)
	numbers(whereAlert, alerts, protocol)
	for _, f := range families {
		for _, n := range slices.Sorted(maps.Keys(f.list)) {
			source := f.source
			if f.where == whereConnect {
				source = connectionSource(n)
			}
			add(f.where, hex(n), f.list[n], source)
		}
	}
	for _, status := range slices.Sorted(maps.Keys(httpNotes)) {
		add(whereHTTP, hex(httpFacility+uint32(status)), ofHTTP(status), bits)
	}
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		if a, ok := ofSyncML(status); ok && status >= 400 {
			add(whereConsole, hex(syncMLFacility+uint32(status)), a, omadm)
		}
	}
	return out
})

// byCode are the codes of index, in lower case.
var byCode = sync.OnceValue(func() map[string][]Found {
	out := map[string][]Found{}
	for _, f := range index() {
		code := strings.ToLower(f.Code)
		out[code] = append(out[code], f)
	}
	return out
})

func connectionSource(n uint32) string {
	if n < 0x80090000 {
		return winhttp
	}
	return secPage
}

func hex(n uint32) string { return fmt.Sprintf("0x%08x", n) }

// Near returns known numbers that differ from a word in one digit.
func Near(word string) (out []string) {
	word = strings.ToLower(strings.TrimPrefix(strings.ToLower(word), "0x"))
	for i := range index() {
		f := &index()[i]
		code, isNumber := strings.CutPrefix(f.Code, "0x")
		if !isNumber || len(code) != len(word) || len(out) == 3 {
			continue
		}
		differ := 0
		for at := range code {
			if code[at] != word[at] {
				differ++
			}
		}
		if differ == 1 {
			out = append(out, f.Code)
		}
	}
	return out
}

// Place returns all codes from one of the Narrows.
func Place(in string) []Found {
	return slices.DeleteFunc(All(), func(f Found) bool { return f.Where != narrow[in] })
}

// WhereOf is the Found.Where of one of the Narrows.
func WhereOf(in string) string { return narrow[in] }

// Lookup returns all meanings of a code; in is "syncml", "push-status", "wns",
// "token" or empty for all. The result is empty for a code unknown on this path.
// A number of 32 bits is written as Found.Code is; Read takes every spelling.
func Lookup(in, code string) (out []Found) {
	for _, f := range byCode()[strings.ToLower(code)] {
		if in == "" || f.Where == narrow[in] {
			out = append(out, f)
		}
	}
	if n, err := strconv.ParseUint(code, 0, 32); in == "" && len(out) == 0 && err == nil && len(code) == 10 {
		if f, ok := computed(uint32(n)); ok {
			return []Found{f}
		}
	}
	return out
}

// Narrows returns the words that Lookup accepts.
func Narrows() []string { return slices.Sorted(maps.Keys(narrow)) }

// All returns all codes that stand in a table, source by source. Lookup knows more:
// a number that is a family's beginning plus a status.
func All() []Found { return slices.Clone(index()) }

// Nodes returns the CSPs for which more is known of a status.
func Nodes(status string) (out []string) {
	for _, c := range csps {
		if strconv.Itoa(c.Status) == status {
			out = append(out, c.Name)
		}
	}
	return out
}
