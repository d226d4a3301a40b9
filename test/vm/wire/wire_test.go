package wire

import (
	"bytes"
	"testing"
)

func TestFrames(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 3*maxFrame+1)
	var line bytes.Buffer
	w := NewWriter(&line)
	for _, data := range [][]byte{nil, []byte("a"), long} {
		if err := w.Write(Stdout, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(Exit, []byte{3}); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for {
		kind, data, err := Read(&line)
		if err != nil {
			t.Fatal(err)
		}
		if kind == Exit {
			if len(data) != 1 || data[0] != 3 {
				t.Errorf("exit frame holds %v", data)
			}
			break
		}
		got = append(got, data...)
	}
	if want := "a" + string(long); string(got) != want {
		t.Errorf("read %d bytes, want %d", len(got), len(want))
	}
	if _, _, err := Read(bytes.NewReader([]byte("o\xff\xff\xff\xff"))); err == nil {
		t.Error("a frame of 4 GiB was believed")
	}
}
