package load

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Share is the part of all devices and wake-ups that is one process's, of
// several that run the same plan at the same time: those whose number leaves
// one of Mine when it is divided by Of. The zero Share is all of them.
type Share struct {
	Of   int64   `json:"of"`
	Mine []int64 `json:"mine"`
}

// maxShares bounds into how many parts a load is divided.
const maxShares = 10_000

// ParseShare reads "2/3", the second of three equal shares.
func ParseShare(s string) (Share, error) {
	a, b, _ := strings.Cut(s, "/")
	k, err1 := strconv.ParseInt(a, 10, 64)
	n, err2 := strconv.ParseInt(b, 10, 64)
	if err1 != nil || err2 != nil || n < 1 || n > maxShares || k < 1 || k > n {
		return Share{}, fmt.Errorf("%q is no share: it is K/N, such as 2/3 for the second of three", s)
	}
	return Share{Of: n, Mine: []int64{k - 1}}, nil
}

// Whole tells whether it is all.
func (s Share) Whole() bool { return s.Of == 0 || int64(len(s.Mine)) == s.Of }

// Has tells whether the device or wake-up of this number is in it.
func (s Share) Has(n int64) bool { return s.Of == 0 || slices.Contains(s.Mine, n%s.Of) }

// Count is how many of the first n numbers are in it.
func (s Share) Count(n int64) (own int64) {
	if s.Of == 0 {
		return n
	}
	own = n / s.Of * int64(len(s.Mine))
	for k := range n % s.Of {
		if slices.Contains(s.Mine, k) {
			own++
		}
	}
	return own
}

// check says why so many devices cannot be divided so: a wake-up's device has
// to be in the share that the wake-up is in, whatever is woken in turn.
func (s Share) check(devices int) error {
	switch {
	case s.Of == 0:
		return nil
	case s.Of < 0 || s.Of > maxShares || len(s.Mine) == 0:
		return fmt.Errorf("a share of %d parts of %d cannot be", len(s.Mine), s.Of)
	case int64(devices)%s.Of != 0:
		n := int64(devices)
		return fmt.Errorf("%d devices cannot be divided into %d equal parts: take %d or %d", n, s.Of, max(n/s.Of, 1)*s.Of, (n/s.Of+1)*s.Of)
	}
	for i, k := range s.Mine {
		if k < 0 || k >= s.Of || slices.Contains(s.Mine[:i], k) {
			return fmt.Errorf("part %d of %d cannot be", k, s.Of)
		}
	}
	return nil
}

// Union puts shares together; it is an error if two hold the same part. Parts
// that none holds are told.
func Union(list []Share) (all Share, missing []int64, err error) {
	for i, s := range list {
		switch {
		case s.Of == 0:
			return Share{}, nil, errors.New("one of them is a whole run, not a part of one")
		case i > 0 && s.Of != all.Of:
			return Share{}, nil, fmt.Errorf("one is a part of %d, another of %d", all.Of, s.Of)
		}
		all.Of = s.Of
		for _, k := range s.Mine {
			if slices.Contains(all.Mine, k) {
				return Share{}, nil, fmt.Errorf("two have part %d of %d: they woke the same devices", k+1, all.Of)
			}
			all.Mine = append(all.Mine, k)
		}
	}
	for k := range all.Of {
		if !slices.Contains(all.Mine, k) {
			missing = append(missing, k)
		}
	}
	slices.Sort(all.Mine)
	return all, missing, nil
}
