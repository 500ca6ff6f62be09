package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// someTimes are examples of what [ParseDuration] reads.
const someTimes = `such as "90s", "12h" or "30d"`

var errDuration = errors.New("must be a time, " + someTimes)

// ParseDuration reads a time as Go writes it ("90s", "1h30m"), or with days before it ("30d", "1d12h"). Its error says what a time looks like.
func ParseDuration(s string) (time.Duration, error) {
	before, rest, found := strings.Cut(s, "d")
	if !found {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, errDuration
		}
		return d, nil
	}
	days, err := strconv.ParseUint(before, 10, 32)
	if err != nil || days > math.MaxInt64/uint64(24*time.Hour)-1 {
		return 0, errDuration
	}
	d := time.Duration(days) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	r, err := time.ParseDuration(rest)
	if err != nil || r < 0 || r >= 24*time.Hour {
		return 0, errDuration
	}
	return d + r, nil
}

// formatDuration writes the shortest form that ParseDuration reads.
func formatDuration(d time.Duration) string {
	if d > 0 && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
