package correlate

import "time"

// A clock turns the kernel's monotonic nanoseconds into wall time. The offset
// between the two is taken anew at every tick, so that a step of the wall clock
// moves later spans and bends none: a span is placed by its start alone.
type clock struct {
	wall   func() time.Time
	offset int64 // wall nanoseconds since 1970 at monotonic zero
}

func (c *clock) set(monotonic uint64) { c.offset = c.wall().UnixNano() - int64(monotonic) }

func (c *clock) span(start, end uint64) (time.Time, time.Time) {
	from := time.Unix(0, int64(start)+c.offset)
	return from, from.Add(time.Duration(end - start))
}
