package wording

import (
	"fmt"
	"strings"
)

// Count is a number with its noun: 1 device, 3 devices, 2 pushes.
func Count[N ~int | ~int64 | ~uint64](n N, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "sh"), strings.HasSuffix(noun, "ss"), strings.HasSuffix(noun, "ch"):
		return fmt.Sprint(n, " ", noun, "es")
	case strings.HasSuffix(noun, "ry"):
		return fmt.Sprint(n, " ", strings.TrimSuffix(noun, "y"), "ies")
	}
	return fmt.Sprint(n, " ", noun, "s")
}

// Counted is Count for a noun and verb: Counted(n, "device begins", "devices begin").
func Counted[N ~int | ~int64 | ~uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}
