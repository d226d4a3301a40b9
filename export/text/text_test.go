package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

func TestClean(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("GET /a b?c=ä", "GET /a b?c=ä")
	f("/日本語", "/日本語")
	f("\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`)
	f("\x1b]0;title\a", `\x1b]0;title\x07`)
	f("a\r\nb\tc\x00\x7f", `a\r\nb\tc\x00\x7f`)
	f("\u009b31m", `\u009b31m`)             // CSI as one character
	f("\x9b31m", `\x9b31m`)                 // and as one byte
	f("/\u202egnp.exe", `/\u202egnp.exe`)   // right-to-left override
	f("a\u200bb\u2028c", `a\u200bb\u2028c`) // zero-width space, line separator
	f("\U000e0041", `\U000e0041`)           // a tag character
	f("\xff\xc3", `\xff\xc3`)               // no UTF-8
	f("e\u0301", "e\u0301")                 // combining marks
	f("e"+strings.Repeat("\u0301", 6), "e"+strings.Repeat("\u0301", 4)+`\u0301\u0301`)
}

func TestField(t *testing.T) {
	if got := Field(""); got != "-" {
		t.Errorf("empty field is %q", got)
	}
	if got := Field("a b\n"); got != `a\x20b\n` {
		t.Errorf("field is %q", got)
	}
}

func TestWidthAndHead(t *testing.T) {
	f := func(in string, width int, columns int, head string) {
		t.Helper()
		if got := Width(in); got != width {
			t.Errorf("Width(%q) = %d, want %d", in, got, width)
		}
		if got := Head(in, columns); got != head {
			t.Errorf("Head(%q, %d) = %q, want %q", in, columns, got, head)
		}
	}
	f("abc", 3, 2, "ab")
	f("abc", 3, 0, "")
	f("日本", 4, 3, "日")
	f("e\u0301x", 2, 1, "e\u0301")
	f("🙂!", 3, 1, "")
}

// TestShortCutAgreesWithTable compares the ranges that are one column wide without a look-up.
func TestShortCutAgreesWithTable(t *testing.T) {
	for r := rune(0x2190); r <= 0x25ff; r++ {
		want := 1
		if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
			want = 2
		}
		if got := Width(string(r)); got != want {
			t.Errorf("%U is %d wide, want %d", r, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"/", "\x1b[2J", "\u202e", "\xff", "日本", "e\u0301", "🙂"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := Clean(s)
		if !utf8.ValidString(clean) {
			t.Fatalf("Clean(%q) = %q is no UTF-8", s, clean)
		}
		for _, r := range clean {
			if !unicode.IsPrint(r) {
				t.Fatalf("Clean(%q) = %q holds %U", s, clean, r)
			}
		}
		if Clean(clean) != clean {
			t.Fatalf("Clean(%q) is not stable", s)
		}
		if strings.ContainsAny(Field(s), " \n") {
			t.Fatalf("Field(%q) holds a space", s)
		}
		if head := Head(clean, 10); Width(head) > 10 || !strings.HasPrefix(clean, head) {
			t.Fatalf("Head(%q, 10) = %q", clean, head)
		}
	})
}
