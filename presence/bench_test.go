package presence

import (
	"fmt"
	"testing"
)

func BenchmarkEnterAndLeave(b *testing.B) {
	tr := New(Options{})
	defer tr.Close()
	tr.Watch(func(Event) {})
	for i := range 10_000 {
		tr.Enter("", fmt.Sprint(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		tr.Enter("", "ada").LeaveNow()
	}
}

func BenchmarkCount(b *testing.B) {
	tr := New(Options{})
	defer tr.Close()
	for i := range 10_000 {
		tr.Enter("", fmt.Sprint(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		tr.Count("")
	}
}
