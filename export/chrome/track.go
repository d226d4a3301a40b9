package chrome

// track is a row of a process, a thread to the viewer. Its slices lie beside or within one another, never across: the
// format allows nothing else.
type track struct {
	busy int64   // until then, by batches before this one
	open []int64 // ends of this batch's slices that surround the one placed last, the outermost first
	last int64   // the end of everything
}

// maxTracks bounds a process's rows. What happens at once beyond it is drawn in the last row, where slices may cross.
const maxTracks = 1024

// place finds the track for a slice, the wanted one (0 for none) if it is free there, and tells whether the track is new.
// Slices of a batch come by their start, and at the same start the longer first.
//
// Spans do not say which thread or goroutine they ran in. What runs at once in a process cannot be in the same, and a call
// that is made while a request is served most likely is: so a track is a task's as far as can be told.
func (p *process) place(start, end int64, wanted int) (tid int, fresh bool) {
	if wanted > 0 && wanted <= len(p.tracks) && p.tracks[wanted-1].take(start, end) {
		return wanted, false
	}
	for i, t := range p.tracks {
		if t.free(start) && t.take(start, end) {
			return i + 1, false
		}
	}
	if len(p.tracks) == maxTracks {
		return maxTracks, false
	}
	t := &track{}
	t.take(start, end)
	p.tracks = append(p.tracks, t)
	return len(p.tracks), true
}

// free tells whether nothing is open on the track: only a span's parent is to surround it.
func (t *track) free(start int64) bool { return start >= t.last }

// take puts a slice there if it crosses none.
func (t *track) take(start, end int64) bool {
	if start < t.busy {
		return false
	}
	open := len(t.open)
	for open > 0 && t.open[open-1] <= start {
		open--
	}
	if open > 0 && t.open[open-1] < end {
		return false
	}
	t.open = append(t.open[:open], end)
	t.last = max(t.last, end)
	return true
}

// settle closes the batch: what comes later may begin earlier, and must not cross what was written.
func (p *process) settle() {
	for _, t := range p.tracks {
		t.busy, t.open = t.last, t.open[:0]
	}
}
