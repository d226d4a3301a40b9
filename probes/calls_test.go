package probes

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/internal/leaktest"
	"github.com/throughline/throughline/probes/event"
	"github.com/throughline/throughline/probes/process"
)

// The child process of these tests moves bytes by every system call there is
// for it; the parent looks at what the kernel programs report.

const childVariable = "THROUGHLINE_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		if err := child(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(leaktest.Run(m))
}

// child waits for its parent's word, talks, and ends.
func child(role string) error {
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	runtime.LockOSThread()
	for _, call := range calls() {
		a, b, err := pair(role)
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		if err := converse(a, b, call); err != nil {
			return err
		}
	}
	return nil
}

// calls names every conversation.
func calls() []string {
	names := slices.Collect(maps.Keys(sends))
	names = slices.AppendSeq(names, maps.Keys(receives))
	slices.Sort(names)
	return slices.Compact(names)
}

const (
	requestText  = "GET /%s HTTP/1.1\r\nHost: test\r\nTraceParent: 00-0af7651916cd43dd8448eb211c80319c-%s-01\r\n\r\n"
	responseText = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
)

// requestOf is what one conversation asks. Each has a span of its own on the
// wire, made of its name.
func requestOf(call string) (text string, span [8]uint8) {
	copy(span[:], call+"-------")
	path := strings.ReplaceAll(fmt.Sprintf("%-12s", call), " ", "_")
	return fmt.Sprintf(requestText, path, hex.EncodeToString(span[:])), span
}

func converse(a, b int, call string) error {
	send, receive := sends[call], receives[call]
	if send == nil {
		send = sends["write"]
	}
	if receive == nil {
		receive = receives["read"]
	}
	text, _ := requestOf(call)
	request, response := []byte(text), []byte(responseText)
	steps := []struct {
		from, to int
		text     []byte
	}{{a, b, request}, {b, a, response}}
	for _, s := range steps {
		if err := send(s.from, s.text); err != nil {
			return fmt.Errorf("sending by %s: %w", call, err)
		}
		got := make([]byte, 0, len(s.text))
		for len(got) < len(s.text) {
			part := make([]byte, len(s.text)-len(got))
			n, err := receive(s.to, part)
			if errors.Is(err, unix.EAGAIN) {
				continue
			}
			if err != nil {
				return fmt.Errorf("receiving by %s: %w", call, err)
			}
			got = append(got, part[:n]...)
		}
		if !bytes.Equal(got, s.text) {
			return fmt.Errorf("%s: other bytes came out than went in", call)
		}
	}
	return errors.Join(unix.Close(a), unix.Close(b))
}

func pair(family string) (a, b int, err error) {
	domain, address := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	switch family {
	case "ipv6":
		domain, address = unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}
	case "unix":
		domain, address = unix.AF_UNIX, &unix.SockaddrUnix{Name: fmt.Sprintf("@throughline-test-%d", os.Getpid())}
	}
	listener, err := unix.Socket(domain, unix.SOCK_STREAM, 0)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(listener)
	if err := errors.Join(unix.Bind(listener, address), unix.Listen(listener, 1)); err != nil {
		return 0, 0, err
	}
	if address, err = unix.Getsockname(listener); err != nil {
		return 0, 0, err
	}
	if a, err = unix.Socket(domain, unix.SOCK_STREAM, 0); err != nil {
		return 0, 0, err
	}
	if err := unix.Connect(a, address); err != nil {
		return 0, 0, err
	}
	b, _, err = unix.Accept(listener)
	return a, b, err
}

// halves cuts a text in two, for calls that take vectors.
func halves(p []byte) [][]byte { return [][]byte{p[:7], p[7:]} }

var sends = map[string]func(int, []byte) error{
	"write":    func(fd int, p []byte) error { _, err := unix.Write(fd, p); return err },
	"writev":   func(fd int, p []byte) error { _, err := unix.Writev(fd, halves(p)); return err },
	"sendto":   func(fd int, p []byte) error { return unix.Sendto(fd, p, 0, nil) },
	"sendmsg":  func(fd int, p []byte) error { _, err := unix.SendmsgBuffers(fd, halves(p), nil, nil, 0); return err },
	"sendmmsg": func(fd int, p []byte) error { return messages(unix.SYS_SENDMMSG, fd, halves(p)) },
	"bytes": func(fd int, p []byte) error {
		for i := range p {
			if _, err := unix.Write(fd, p[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	},
}

var receives = map[string]func(int, []byte) (int, error){
	"read":  unix.Read,
	"readv": func(fd int, p []byte) (int, error) { return unix.Readv(fd, halves8(p)) },
	"recvfrom": func(fd int, p []byte) (int, error) {
		n, _, err := unix.Recvfrom(fd, p, 0)
		return n, err
	},
	"recvmsg": func(fd int, p []byte) (int, error) {
		n, _, _, _, err := unix.RecvmsgBuffers(fd, halves8(p), nil, 0)
		return n, err
	},
	"recvmmsg": func(fd int, p []byte) (int, error) { return len(p), messages(unix.SYS_RECVMMSG, fd, [][]byte{p}) },
	"peek": func(fd int, p []byte) (int, error) {
		if _, _, err := unix.Recvfrom(fd, p, unix.MSG_PEEK); err != nil {
			return 0, err
		}
		return unix.Read(fd, p)
	},
	"bytes": func(fd int, p []byte) (int, error) { return unix.Read(fd, p[:1]) },
	"nonblocking": func(fd int, p []byte) (int, error) {
		n, _, err := unix.Recvfrom(fd, p[:min(len(p), 30)], unix.MSG_DONTWAIT)
		return n, err
	},
}

func halves8(p []byte) [][]byte {
	if len(p) < 8 {
		return [][]byte{p}
	}
	return halves(p)
}

type messageHeader struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// messages makes one sendmmsg or recvmmsg call with a message a buffer.
func messages(call uintptr, fd int, buffers [][]byte) error {
	headers := make([]messageHeader, len(buffers))
	vectors := make([]unix.Iovec, len(buffers))
	for i, p := range buffers {
		vectors[i].Base = &p[0]
		vectors[i].SetLen(len(p))
		headers[i].header.Iov = &vectors[i]
		headers[i].header.SetIovlen(1)
	}
	n, _, errno := unix.Syscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&headers[0])), uintptr(len(headers)), 0, 0, 0)
	runtime.KeepAlive(vectors)
	if errno != 0 {
		return errno
	}
	if int(n) != len(buffers) {
		return fmt.Errorf("%d of %d messages moved", n, len(buffers))
	}
	return nil
}

// recorder keeps what the kernel reports of one process.
type recorder struct {
	bytes map[connection][2][]byte // by direction
	last  map[connection]abi.TraceContext
	opens int
	ends  int
	exit  func()
}

type connection struct{ sock, gen uint64 }

func (r *recorder) Handle(ev *event.Event) {
	switch ev.Kind() {
	case abi.EventData:
		d, key := ev.Data, connection{ev.Header.Sock, ev.Header.Gen}
		both := r.bytes[key]
		if uint64(len(both[d.Direction])) != d.Offset {
			both[d.Direction] = append(both[d.Direction], fmt.Sprintf("<gap before %d>", d.Offset)...)
		}
		both[d.Direction] = append(both[d.Direction], ev.Payload...)
		r.bytes[key] = both
		if d.H.Ctx != (abi.TraceContext{}) {
			r.last[key] = d.H.Ctx
		}
	case abi.EventOpen:
		r.opens++
	case abi.EventClose:
		r.ends++
	case abi.EventExit:
		r.exit()
	}
}

func (r *recorder) Tick(uint64) {}

// observe runs a child under the probes and returns what was reported of it.
func observe(t *testing.T, p *Probes, role string) *recorder {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childVariable+"="+role)
	cmd.Stderr = os.Stderr
	begin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	target, err := process.Read(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Targets().Add(target); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r := &recorder{bytes: map[connection][2][]byte{}, last: map[connection]abi.TraceContext{}, exit: cancel}
	if _, err := io.WriteString(begin, "!"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	if err := p.Run(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatalf("child %s: %v", role, err)
	}
	return r
}

// openFlavour opens the probes by one flavour, and fails if this kernel should
// have it.
func openFlavour(t *testing.T, f Flavour) *Probes {
	t.Helper()
	p, err := Open(Config{Flavour: f.Name, NoInject: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		if refused := emptyAttaches(f); refused != nil {
			t.Skipf("this kernel lacks %s for any program: %v", f.Name, refused)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// emptyAttaches says why the kernel does not even take a program of the
// flavour's kind that does nothing; nil: it does.
func emptyAttaches(f Flavour) error {
	spec := &ebpf.ProgramSpec{
		Name: "empty", License: "GPL", Type: ebpf.Tracing,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	}
	switch f.Name {
	case "tracepoint":
		spec.AttachType, spec.AttachTo = ebpf.AttachTraceRawTp, "sock_send_length"
	case "fentry":
		spec.AttachType, spec.AttachTo = ebpf.AttachTraceFExit, "inet_sendmsg"
	case "kprobe":
		spec.Type = ebpf.Kprobe
	default:
		return nil // every kernel has system call tracepoints
	}
	program, err := ebpf.NewProgram(spec)
	if err != nil {
		return err
	}
	defer program.Close()
	attached, err := attachTo(spec, program, "inet_sendmsg")
	if err != nil {
		return err
	}
	return attached.Close()
}

func TestEveryCall(t *testing.T) {
	for _, f := range Flavours() {
		t.Run(f.Name, func(t *testing.T) {
			p := openFlavour(t, f)
			for _, family := range []string{"ipv4", "ipv6", "unix"} {
				t.Run(family, func(t *testing.T) { checkFamily(t, observe(t, p, family), family) })
			}
			for _, s := range p.Samples() {
				switch s.Name {
				case "ring_full", "buffer_unreadable", "syscall_unknown", "malformed_records":
					if s.Value != 0 {
						t.Errorf("%d lost: %s", s.Value, s.Name)
					}
				}
			}
		})
	}
}

func checkFamily(t *testing.T, r *recorder, family string) {
	t.Helper()
	want := 2 * len(calls())
	if r.opens != want || len(r.bytes) != want {
		t.Errorf("%d connections opened, %d moved bytes, want %d", r.opens, len(r.bytes), want)
	}
	if family != "unix" && r.ends != want {
		t.Errorf("%d connections ended, want %d", r.ends, want)
	}
	for _, call := range calls() {
		for _, role := range []string{"server", "client"} {
			t.Run(call+"/"+role, func(t *testing.T) { checkConversation(t, r, call, role) })
		}
	}
}

// checkConversation finds the one connection of a conversation and a role and
// looks at its bytes and at the span that the kernel gave it.
func checkConversation(t *testing.T, r *recorder, call, role string) {
	t.Helper()
	request, span := requestOf(call)
	// The body of the response is only counted; its head is whole.
	head, _, _ := strings.Cut(responseText, "hello")
	trace := [16]uint8{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}
	found := 0
	for key, both := range r.bytes {
		asked, answered := both[abi.DirectionReceived], both[abi.DirectionSent]
		if role == "client" {
			asked, answered = answered, asked
		}
		if !strings.HasPrefix(string(asked), request) {
			continue
		}
		found++
		if string(asked) != request {
			t.Errorf("request is %q, want %q", asked, request)
		}
		if !strings.HasPrefix(string(answered), head) {
			t.Errorf("response is %q, want head %q", answered, head)
		}
		ctx := r.last[key]
		switch {
		case ctx.TraceId != trace:
			t.Errorf("trace %x, want %x", ctx.TraceId, trace)
		case role == "server" && (ctx.ParentId != span || ctx.SpanId == span):
			t.Errorf("span %x under %x, want a new one under %x", ctx.SpanId, ctx.ParentId, span)
		case role == "client" && ctx.SpanId != span:
			t.Errorf("span %x, want the one on the wire, %x", ctx.SpanId, span)
		}
	}
	if found != 1 {
		t.Errorf("%d connections with this request, want 1", found)
	}
}
