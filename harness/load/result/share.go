package result

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Share is one process's part of the devices and wake-ups when several processes
// run the same plan at the same time. It owns the numbers n for which n modulo Of
// is in Mine. The zero Share owns all.
type Share struct {
	Of   int64   `json:"of"`
	Mine []int64 `json:"mine"`
}

// maxShares limits the number of parts of a load.
const maxShares = 10_000

// ParseShare reads "2/3", the second of three equal shares.
func ParseShare(s string) (Share, error) {
	a, b, _ := strings.Cut(s, "/")
	k, err1 := strconv.ParseInt(a, 10, 64)
	n, err2 := strconv.ParseInt(b, 10, 64)
	if err1 != nil || err2 != nil || n < 1 || n > maxShares || k < 1 || k > n {
		return Share{}, fmt.Errorf("%q is not a share; write K/N, such as 2/3 for the second of three", s)
	}
	return Share{Of: n, Mine: []int64{k - 1}}, nil
}

// Whole tells whether the share owns all.
func (s Share) Whole() bool { return s.Of == 0 || int64(len(s.Mine)) == s.Of }

// Has tells whether the share owns the device or wake-up number n.
func (s Share) Has(n int64) bool { return s.Of == 0 || slices.Contains(s.Mine, n%s.Of) }

// Count tells how many of the first n numbers the share owns.
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

// Check tells whether so many devices can be divided this way. The number must
// be a multiple of Of: only then does each wake-up meet a device of the same
// share when devices are woken in turn.
func (s Share) Check(devices int) error {
	switch {
	case s.Of == 0:
		return nil
	case s.Of < 0 || s.Of > maxShares || len(s.Mine) == 0:
		return fmt.Errorf("invalid share: %d parts of %d", len(s.Mine), s.Of)
	case int64(devices)%s.Of != 0:
		n := int64(devices)
		return fmt.Errorf("%d devices cannot be divided into %d equal parts: take %d or %d", n, s.Of, max(n/s.Of, 1)*s.Of, (n/s.Of+1)*s.Of)
	}
	for i, k := range s.Mine {
		if k < 0 || k >= s.Of || slices.Contains(s.Mine[:i], k) {
			return fmt.Errorf("invalid share: part %d of %d", k, s.Of)
		}
	}
	return nil
}

// Union joins shares and returns the parts that are missing. Two shares with the
// same part are an error.
func Union(list []Share) (all Share, missing []int64, err error) {
	for i, s := range list {
		switch {
		case s.Of == 0:
			return Share{}, nil, errors.New("one result is a complete run, not a share of one")
		case i > 0 && s.Of != all.Of:
			return Share{}, nil, fmt.Errorf("one result is a share of %d, another of %d", all.Of, s.Of)
		}
		all.Of = s.Of
		for _, k := range s.Mine {
			if slices.Contains(all.Mine, k) {
				return Share{}, nil, fmt.Errorf("two results are part %d of %d: they woke the same devices", k+1, all.Of)
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
