package probes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
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
	family, call, _ := strings.Cut(role, "/")
	a, b, err := pair(family)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	return converse(a, b, call)
}

const (
	requestText  = "GET /%s HTTP/1.1\r\nHost: test\r\nTraceParent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n"
	responseText = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
)

func converse(a, b int, call string) error {
	send, receive := sends[call], receives[call]
	if send == nil {
		send = sends["write"]
	}
	if receive == nil {
		receive = receives["read"]
	}
	request, response := []byte(fmt.Sprintf(requestText, call)), []byte(responseText)
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
	data  []abi.DataEvent
	bytes map[uint64][2][]byte // by sock, by direction
	opens []abi.OpenEvent
	ends  []abi.CloseEvent
	exit  func()
}

func (r *recorder) Handle(ev *event.Event) {
	switch ev.Kind() {
	case abi.EventData:
		d := ev.Data
		r.data = append(r.data, d)
		both := r.bytes[d.H.Sock]
		if uint64(len(both[d.Direction])) != d.Offset {
			both[d.Direction] = append(both[d.Direction], fmt.Sprintf("<gap before %d>", d.Offset)...)
		}
		both[d.Direction] = append(both[d.Direction], ev.Payload...)
		r.bytes[d.H.Sock] = both
	case abi.EventOpen:
		r.opens = append(r.opens, ev.Open)
	case abi.EventClose:
		r.ends = append(r.ends, ev.Close)
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
	r := &recorder{bytes: map[uint64][2][]byte{}, exit: cancel}
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
	calls := map[string]bool{}
	for c := range sends {
		calls[c] = true
	}
	for c := range receives {
		calls[c] = true
	}
	for _, f := range Flavours() {
		t.Run(f.Name, func(t *testing.T) {
			p := openFlavour(t, f)
			for _, family := range []string{"ipv4", "ipv6", "unix"} {
				for call := range calls {
					t.Run(family+"/"+call, func(t *testing.T) {
						checkConversation(t, observe(t, p, family+"/"+call), family, call)
					})
				}
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

func checkConversation(t *testing.T, r *recorder, family, call string) {
	t.Helper()
	request := fmt.Sprintf(requestText, call)
	if len(r.opens) != 2 || len(r.bytes) != 2 {
		t.Fatalf("%d connections opened, %d moved bytes, want 2: %v", len(r.opens), len(r.bytes), r.bytes)
	}
	if family != "unix" && len(r.ends) != 2 {
		t.Errorf("%d connections ended, want 2", len(r.ends))
	}
	// The body of the response is only counted; its head is whole.
	head, _, _ := strings.Cut(responseText, "hello")
	roles := map[string]bool{}
	for sock, both := range r.bytes {
		asked, answered, role := both[abi.DirectionReceived], both[abi.DirectionSent], "server"
		if bytes.HasPrefix(answered, []byte("GET")) || call == "bytes" && bytes.HasPrefix(answered, []byte("G")) {
			asked, answered, role = answered, asked, "client"
		}
		roles[role] = true
		// A turn is captured up to a number of calls.
		if call == "bytes" {
			if !strings.HasPrefix(request, string(asked)) || len(asked) == 0 {
				t.Errorf("%s: request is %q", role, asked)
			}
			continue
		}
		if string(asked) != request {
			t.Errorf("%s: request is %q, want %q", role, asked, request)
		}
		if !strings.HasPrefix(string(answered), head) {
			t.Errorf("%s: response is %q, want head %q", role, answered, head)
		}
		checkContext(t, r, sock, role)
	}
	if len(roles) != 2 {
		t.Errorf("saw only the %v side", roles)
	}
}

// checkContext looks at the span of the exchange: the request's own traceparent
// is adopted by the server, and is the client's.
func checkContext(t *testing.T, r *recorder, sock uint64, role string) {
	t.Helper()
	trace := [16]uint8{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}
	span := [8]uint8{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}
	var last abi.TraceContext
	for i := range r.data {
		if r.data[i].H.Sock == sock && r.data[i].H.Ctx != (abi.TraceContext{}) {
			last = r.data[i].H.Ctx
		}
	}
	if last.TraceId != trace {
		t.Errorf("%s: trace %x, want %x", role, last.TraceId, trace)
	}
	if role == "server" && (last.ParentId != span || last.SpanId == span) {
		t.Errorf("server: span %x under %x, want under %x", last.SpanId, last.ParentId, span)
	}
	if role == "client" && last.SpanId != span {
		t.Errorf("client: span %x, want the one on the wire, %x", last.SpanId, span)
	}
}
