package probes

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
	"github.com/throughline/throughline/probes/process"
)

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
