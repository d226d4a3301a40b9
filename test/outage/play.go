package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// run is a scenario that is being played.
type run struct {
	scenario
	rate      int
	dir       string
	collector string

	address string
	began   time.Time
	next    int      // number of the next sender's first span
	offered [][2]int // numbers that were, from and to
	lost    uint64   // by all senders
	peak    uint64   // of memory
}

// How long there is a collector before and behind the outage, at least.
const (
	before = 5 * time.Second
	behind = 5 * time.Second
)

func (r *run) play() error {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	var err error
	if r.address, err = freeAddress(); err != nil {
		return err
	}
	fmt.Printf("%s: %d spans/s, the collector away for %v\n\n", r.name, r.rate, r.outage)
	fmt.Println("| s | what happens | offered | exported | in memory | on disk | MiB on disk | lost | MiB resident |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	r.began = time.Now()
	collector, err := r.startCollector()
	if err != nil {
		return err
	}
	defer func() { collector.end(os.Interrupt) }()
	s, err := r.startSender()
	if err != nil {
		return err
	}
	defer func() { s.end(os.Kill) }()
	time.Sleep(before)
	r.row("collector ends", s.last())
	collector.end(os.Interrupt)
	for range 4 {
		time.Sleep(r.outage / 8)
		r.row("", s.last())
	}
	if r.signal != nil {
		r.row("sender ends", s.last())
		if err := r.endSender(s, r.signal); err != nil {
			return err
		}
		r.row("it has ended", s.last())
		if s, err = r.startSender(); err != nil {
			return err
		}
	}
	for range 4 {
		time.Sleep(r.outage / 8)
		r.row("", s.last())
	}
	r.row("collector is back", s.last())
	if collector, err = r.startCollector(); err != nil {
		return err
	}
	time.Sleep(behind)
	for deadline := time.Now().Add(time.Minute); s.last().Spooled > 0; time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			return fmt.Errorf("there are %d spans on disk yet", s.last().Spooled)
		}
	}
	r.row("disk is empty", s.last())
	if err := r.endSender(s, os.Interrupt); err != nil {
		return err
	}
	r.row("the end", s.last())
	collector.end(os.Interrupt) // which writes what it has
	return r.judge()
}

func (r *run) row(what string, s state) {
	var lost uint64
	for _, n := range s.Lost {
		lost += n
	}
	r.peak = max(r.peak, s.RSS)
	const mib = 1 << 20
	fmt.Printf("| %.0f | %s | %d | %d | %d | %d | %.1f | %d | %.1f |\n", time.Since(r.began).Seconds(), what, s.Offered, s.Exported,
		s.Queued, s.Spooled, float64(s.SpooledBytes)/mib, lost, float64(s.RSS)/mib)
}

// judge counts the spans in the collector's file.
func (r *run) judge() error {
	times, err := count(filepath.Join(r.dir, "spans.jsonl"))
	if err != nil {
		return err
	}
	offered, missing, twice := 0, 0, 0
	for _, numbers := range r.offered {
		for n := numbers[0]; n < numbers[1]; n++ {
			offered++
			switch k := times[n]; {
			case k == 0:
				missing++
			case k > 1:
				twice += k - 1
			}
		}
	}
	fmt.Printf("\n%d spans offered: %d missing, counted as lost %d; %d came twice; at most %.1f MiB resident\n\n",
		offered, missing, r.lost, twice, float64(r.peak)/(1<<20))
	switch {
	case r.inFull && r.lost == 0:
		return errors.New("the spool did not fill: nothing was shown")
	case !r.inFull && missing > r.unwritten() || r.inFull && uint64(missing) != r.lost:
		return fmt.Errorf("%d spans are missing, %d are counted", missing, r.lost)
	case twice > r.again:
		return fmt.Errorf("%d spans came twice", twice)
	}
	return nil
}

// unwritten is how many spans may be in the memory of a sender that is killed: those since the latest write to disk, which
// is a second ago at most.
func (r *run) unwritten() int {
	if r.signal == os.Kill {
		return r.rate
	}
	return 0
}

// endSender ends a sender and sees to what number the next one begins with. A killed one may have offered more than it told:
// those numbers are left out.
func (r *run) endSender(s *sender, signal os.Signal) error {
	s.end(signal)
	last := s.last()
	r.offered = append(r.offered, [2]int{r.next, r.next + int(last.Offered)})
	r.next += int(last.Offered)
	if signal == os.Kill {
		r.next += 5 * r.rate
	}
	for _, n := range last.Lost {
		r.lost += n
	}
	if signal == os.Kill {
		return nil
	}
	if sum := last.Exported + last.Queued + last.Spooled + total(last.Lost); sum != last.Offered+last.Found {
		return fmt.Errorf("fates of %d spans for %d: %+v", sum, last.Offered+last.Found, last)
	}
	return s.failed
}

func total(m map[string]uint64) (sum uint64) {
	for _, n := range m {
		sum += n
	}
	return sum
}

// program is one that was started here.
type program struct {
	cmd   *exec.Cmd
	ended chan struct{}
	once  sync.Once
}

func begin(cmd *exec.Cmd) (*program, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	p := &program{cmd: cmd, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended is seen by what it left
	}()
	return p, nil
}

// end ends the program and waits for it.
func (p *program) end(signal os.Signal) {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(signal)
		select {
		case <-p.ended:
		case <-time.After(20 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
	})
}

// startCollector starts the collector and waits until it listens.
func (r *run) startCollector() (*program, error) {
	config := filepath.Join(r.dir, "collector.yaml")
	text := fmt.Sprintf(`
receivers: {otlp: {protocols: {grpc: {endpoint: %q}}}}
exporters: {file: {path: %q, append: true, flush_interval: 100ms}}
service:
  telemetry: {metrics: {level: none}, logs: {level: error}}
  pipelines: {traces: {receivers: [otlp], exporters: [file]}}
`, r.address, filepath.Join(r.dir, "spans.jsonl"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("configuring the collector: %w", err)
	}
	cmd := exec.Command(r.collector, "--config", config)
	cmd.Stderr = os.Stderr
	p, err := begin(cmd)
	if err != nil {
		return nil, err
	}
	for range 200 {
		if connection, err := net.Dial("tcp", r.address); err == nil {
			return p, connection.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.end(os.Kill)
	return nil, errors.New("the collector does not listen after 10 s")
}

// sender is this command as the agent's last stage.
type sender struct {
	*program
	failed error

	mu     sync.Mutex
	latest state
	read   chan struct{}
}

func (r *run) startSender() (*sender, error) {
	cmd := exec.Command("/proc/self/exe", "-send", "-first", strconv.Itoa(r.next), "-rate", strconv.Itoa(r.rate),
		"-spool", filepath.Join(r.dir, "spool"), "-bytes", strconv.FormatInt(r.bytes, 10))
	cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+r.address,
		"OTEL_BSP_SCHEDULE_DELAY=500", "GOGC=300", "GOMEMLIMIT=32MiB")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting the sender: %w", err)
	}
	cmd.Stdout, cmd.Stderr = in, io.Discard
	p, err := begin(cmd)
	in.Close()
	if err != nil {
		out.Close()
		return nil, err
	}
	s := &sender{program: p, read: make(chan struct{})}
	go s.listen(out)
	return s, nil
}

// listen reads what the sender says of itself until it ends.
func (s *sender) listen(out *os.File) {
	defer close(s.read)
	defer out.Close()
	for decoder := json.NewDecoder(out); ; {
		var latest state
		if err := decoder.Decode(&latest); err != nil {
			return
		}
		s.mu.Lock()
		s.latest = latest
		s.mu.Unlock()
	}
}

func (s *sender) end(signal os.Signal) {
	s.program.end(signal)
	<-s.read
	if state := s.cmd.ProcessState; signal != os.Kill && !state.Success() {
		s.failed = fmt.Errorf("the sender ended with %v", state)
	}
}

func (s *sender) last() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest
}

// traceID is how the collector writes one of ours.
var traceID = regexp.MustCompile(`"traceId":"0100000000000000([0-9a-f]{16})"`)

// count finds how often each number is in the collector's file.
func count(path string) (map[int]int, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading what the collector got: %w", err)
	}
	defer file.Close()
	times := map[int]int{}
	for reader := bufio.NewReaderSize(file, 1<<20); ; {
		line, err := reader.ReadBytes('\n')
		for _, match := range traceID.FindAllSubmatch(line, -1) {
			n, err := strconv.ParseInt(string(match[1]), 16, 64)
			if err != nil {
				return nil, fmt.Errorf("reading what the collector got: %w", err)
			}
			times[int(n)]++
		}
		if errors.Is(err, io.EOF) {
			return times, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading what the collector got: %w", err)
		}
	}
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
