package main

import (
	"math"
	"time"
)

// histogram counts durations in buckets that are 2 % apart, from 1 µs to about 40 minutes.
type histogram struct {
	buckets [1100]int64
	count   int64
}

const growth = 0.0198 // ln 1.02

func (h *histogram) add(d time.Duration) {
	i := 0
	if us := float64(d) / 1e3; us > 1 {
		i = min(int(math.Log(us)/growth), len(h.buckets)-1)
	}
	h.buckets[i]++
	h.count++
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.count += o.count
}

// quantile is the upper edge of the bucket in which the q-th part of all durations ends.
func (h *histogram) quantile(q float64) time.Duration {
	rest := int64(math.Ceil(q * float64(h.count)))
	for i, n := range h.buckets {
		if rest -= n; rest <= 0 {
			return time.Duration(math.Exp(float64(i+1)*growth) * 1e3).Round(time.Microsecond)
		}
	}
	return 0
}
