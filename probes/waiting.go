package probes

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/probes/process"
)

// Some kernels answer FIONREAD by 0 on a socket in a sockmap, whatever waits there: they
// count what the map's own queue has (tcp_bpf_ioctl in net/ipv4/tcp_bpf.c). A program
// that believes it and polls by edges, as nginx does, waits for ever. There, the sockets of
// programs that ask are left alone.

// fionread is asm-generic/ioctls.h's, by its other name.
const fionread = unix.TIOCINQ

// waiting knows whose sockets these are. The zero value says: nobody's.
type waiting struct {
	hidden bool // this kernel is one of them

	mu   sync.Mutex
	asks map[fileID]bool
}

// maxFiles bounds what is remembered of executables.
const maxFiles = 1024

// newWaiting tries the kernel. What cannot be tried counts as one that hides.
func newWaiting(log *slog.Logger) *waiting {
	hidden, err := waitingHidden()
	if err != nil {
		log.Debug("trying FIONREAD on a socket in a sockmap", "error", err)
	}
	return &waiting{hidden: hidden || err != nil, asks: map[fileID]bool{}}
}

// concerns tells whether the process may ask on a kernel that hides what waits.
func (w *waiting) concerns(p *process.Process) bool {
	if !w.hidden {
		return false
	}
	path := p.ExecutableHandle()
	id, err := fileIDOf(path)
	if err != nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	asks, known := w.asks[id]
	if !known {
		asks = asksWaiting(path)
		if len(w.asks) >= maxFiles {
			clear(w.asks)
		}
		w.asks[id] = asks
	}
	return asks
}

// waitingHidden tries whether this kernel is one of them.
func waitingHidden() (bool, error) {
	sockets, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.SockHash, KeySize: 8, ValueSize: 4, MaxEntries: 1})
	if err != nil {
		return false, fmt.Errorf("making a sockmap: %w", err)
	}
	defer sockets.Close()
	pass, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SkMsg, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}})
	if err != nil {
		return false, fmt.Errorf("loading a program for a sockmap: %w", err)
	}
	defer pass.Close()
	attach := link.RawAttachProgramOptions{Target: sockets.FD(), Program: pass, Attach: ebpf.AttachSkMsgVerdict}
	if err := link.RawAttachProgram(attach); err != nil {
		return false, fmt.Errorf("attaching a program to a sockmap: %w", err)
	}
	reader, writer, err := loopbackPair()
	if err != nil {
		return false, err
	}
	defer reader.Close()
	defer writer.Close()
	return hides(sockets, reader, writer)
}

// hides sends a byte to a socket in the map and asks for it.
func hides(sockets *ebpf.Map, reader, writer *net.TCPConn) (hidden bool, err error) {
	raw, err := reader.SyscallConn()
	if err != nil {
		return false, fmt.Errorf("taking a socket: %w", err)
	}
	var key uint64
	var failed error
	if err := raw.Control(func(fd uintptr) {
		number := uint32(fd)
		failed = sockets.Put(&key, &number)
	}); err != nil || failed != nil {
		return false, fmt.Errorf("putting a socket into a sockmap: %w", errors.Join(err, failed))
	}
	if _, err := writer.Write([]byte{0}); err != nil {
		return false, fmt.Errorf("writing to a socket: %w", err)
	}
	var waiting int
	err = raw.Read(func(fd uintptr) bool { // polls until there is something
		var peeked [1]byte
		if n, _, _ := unix.Recvfrom(int(fd), peeked[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); n != 1 {
			return false
		}
		waiting, failed = unix.IoctlGetInt(int(fd), fionread)
		return true
	})
	if err != nil || failed != nil {
		return false, fmt.Errorf("asking how much waits: %w", errors.Join(err, failed))
	}
	return waiting == 0, nil
}

func loopbackPair() (a, b *net.TCPConn, err error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, nil, fmt.Errorf("listening on loopback: %w", err)
	}
	defer l.Close()
	if a, err = net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr)); err != nil {
		return nil, nil, fmt.Errorf("connecting on loopback: %w", err)
	}
	if b, err = l.AcceptTCP(); err != nil {
		a.Close()
		return nil, nil, fmt.Errorf("accepting on loopback: %w", err)
	}
	return a, b, nil
}

// FIONREAD's number where a program puts it into ioctl's second argument: mov esi on
// x86-64, movz w1 on arm64.
var askingCode = map[elf.Machine][]byte{
	elf.EM_X86_64:  append([]byte{0xbe}, binary.LittleEndian.AppendUint32(nil, fionread)...),
	elf.EM_AARCH64: binary.LittleEndian.AppendUint32(nil, 0x52800001|fionread<<5),
}

// asksWaiting tells whether the code of an executable has FIONREAD in it. What cannot be
// read counts as yes.
func asksWaiting(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return true
	}
	defer file.Close()
	asks, err := codeHolds(file)
	return err != nil || asks
}

// scanSize is how much of the code is looked at in one piece.
const scanSize = 1 << 20

func codeHolds(file io.ReaderAt) (bool, error) {
	f, err := elf.NewFile(file)
	if err != nil {
		return false, fmt.Errorf("reading an executable: %w", err)
	}
	code, ok := askingCode[f.Machine]
	if !ok {
		return false, fmt.Errorf("reading an executable: its machine is %s", f.Machine)
	}
	buffer := make([]byte, scanSize)
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_X == 0 {
			continue
		}
		kept := 0 // of the last piece, where the code may begin
		for r := p.Open(); ; {
			n, err := io.ReadFull(r, buffer[kept:])
			if bytes.Contains(buffer[:kept+n], code) {
				return true, nil
			}
			if err != nil {
				break // the segment's end, or the file's
			}
			kept = copy(buffer, buffer[len(buffer)-len(code)+1:])
		}
	}
	return false, nil
}
