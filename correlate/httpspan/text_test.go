package httpspan

import "testing"

func FuzzCleanText(f *testing.F) {
	f.Add([]byte("/plain"), 4)
	f.Add([]byte("/\xc3\xa4\xff\x00\xe2\x82"), 3)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		limit &= 63
		s := CleanText(b, limit)
		if len(s) > limit || !valid(s) || s != string([]rune(s)) {
			t.Errorf("CleanText(%q, %d) = %q", b, limit, s)
		}
	})
}

func valid(s string) bool {
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			return false
		}
	}
	return true
}
