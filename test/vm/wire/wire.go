// Package wire is what guest and host say to each other over the serial line.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Kind tells what a frame carries.
type Kind byte

const (
	Stdout Kind = 'o'
	Stderr Kind = 'e'
	Exit   Kind = 'x' // one byte: the command's exit status
	Fault  Kind = 'f' // text: why the guest could not run the command
)

const maxFrame = 1 << 16

// Job is what the guest is to run; it lies at JobPath in the initial file system.
type Job struct {
	Modules []string // in the order of loading
	Command []string
	Env     []string
}

const (
	JobPath    = "/job.json"
	ModuleDir  = "/modules"
	HostDir    = "/host" // where copied files are, and the command's directory
	SerialPath = "/dev/ttyS1"
)

// Encode gives the job's bytes.
func (j Job) Encode() ([]byte, error) { return json.Marshal(j) }

// DecodeJob is the inverse of Encode.
func DecodeJob(b []byte) (j Job, err error) {
	err = json.Unmarshal(b, &j)
	return j, err
}

// Writer writes frames; several goroutines may use it.
type Writer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewWriter returns a Writer of frames to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes data as frames of one kind: at least one, even when empty.
func (w *Writer) Write(kind Kind, data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		n := min(len(data), maxFrame)
		frame := append([]byte{byte(kind)}, binary.BigEndian.AppendUint32(nil, uint32(n))...)
		if _, err := w.w.Write(append(frame, data[:n]...)); err != nil {
			return err
		}
		if data = data[n:]; len(data) == 0 {
			return nil
		}
	}
}

// Copy writes what r gives until it ends.
func (w *Writer) Copy(kind Kind, r io.Reader) {
	b := make([]byte, 16<<10)
	for {
		n, err := r.Read(b)
		if n > 0 && w.Write(kind, b[:n]) != nil || err != nil {
			return
		}
	}
}

// Read reads one frame.
func Read(r io.Reader) (Kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("reading a frame: %d bytes announced", n)
	}
	data := make([]byte, n)
	_, err := io.ReadFull(r, data)
	return Kind(head[0]), data, err
}
