package probes

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/rlimit"

	"github.com/throughline/throughline/bpf"
	"github.com/throughline/throughline/internal/propagation"
)

// budgetFile lists, for each kernel program, how many instructions the
// verifier may walk until it accepts it.
var budgetFile = flag.String("budget", "../bpf/budget.txt", "the `FILE` that lists them")

var updateBudget = flag.Bool("update-budget", false, "raise what is too low for this kernel in it")

// cost is what one program takes of the verifier.
type cost struct {
	object, program string
	translated      int
	verified        uint32 // 0: the kernel does not tell (before 5.16)
	absent          error  // why the kernel does not take it
}

func (c cost) key() string { return c.object + "/" + c.program }

// objectNames are all that the agent loads on this kernel.
func objectNames() []string {
	names := []string{"life", "inject", "tcp_option", "go_http_server", "go_http_client", "go_grpc_server", "go_grpc_client", "go_sql", "go_gin", "go_echo", "go_chi", "go_mux", "go_otel_sdk"}
	if haveWriteUser() {
		names = append(names, "go_write")
	}
	for _, f := range append(Flavours(), joinHooks()...) {
		names = append(names, f.Object)
	}
	return names
}

func TestInstructionBudget(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("loading kernel programs needs root")
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	budget, err := readBudget(*budgetFile)
	if err != nil {
		t.Fatal(err)
	}
	var all []cost
	table := tabwriter.NewWriter(t.Output(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "object\tprogram\ttranslated bytes\tverified\tbudget\tobject loaded in")
	for _, name := range objectNames() {
		costs, took := measureCosts(t, name)
		for i, c := range costs {
			loaded := ""
			if i == 0 {
				loaded = fmt.Sprintf("%d ms", took.Milliseconds())
			}
			if c.absent != nil {
				fmt.Fprintf(table, "%s\t%s\tabsent: %v\n", c.object, c.program, refusal(c.absent))
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\n", c.object, c.program, c.translated, c.verified, budget[c.key()], loaded)
		}
		all = append(all, costs...)
	}
	table.Flush()
	if *updateBudget {
		if err := writeBudget(*budgetFile, budget, all); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, complaint := range overBudget(budget, all) {
		t.Error(complaint)
	}
}

// measureCosts loads one object as the agent does.
func measureCosts(t *testing.T, name string) ([]cost, time.Duration) {
	t.Helper()
	began := time.Now()
	shared := map[string]*ebpf.Map{}
	defer func() {
		for _, m := range shared {
			m.Close()
		}
	}()
	set, err := Config{Propagators: propagation.All()}.settings() // all that can be read and written
	if err != nil {
		t.Fatal(err)
	}
	set["have_sdk"] = true // the costlier variant
	o, err := readObject(name, set, nil)
	if err == nil {
		err = o.share(shared)
	}
	if err == nil {
		err = o.load(shared, nil)
	}
	took := time.Since(began)
	if err != nil {
		return refused(t, name, err), took
	}
	defer o.Close()
	var costs []cost
	for _, program := range slices.Sorted(maps.Keys(o.collection.Programs)) {
		info, err := o.collection.Programs[program].Info()
		if err != nil {
			t.Fatalf("asking about %s: %v", program, err)
		}
		c := cost{object: name, program: program}
		if size, err := info.TranslatedSize(); err == nil {
			c.translated = size
		}
		c.verified, _ = info.VerifiedInstructions()
		costs = append(costs, c)
	}
	return costs, took
}

// refused lists the programs of an object that was not loaded. That is right
// only where the kernel refuses an empty program of one of its kinds as well.
func refused(t *testing.T, name string, cause error) []cost {
	t.Helper()
	file, err := bpf.Object(name)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(file)
	if err != nil {
		t.Fatal(err)
	}
	able := true
	var costs []cost
	for _, program := range slices.Sorted(maps.Keys(spec.Programs)) {
		costs = append(costs, cost{object: name, program: program, absent: cause})
		if !loadsEmpty(spec.Programs[program]) {
			able = false
		}
	}
	if able {
		t.Errorf("%s is refused by a kernel that takes empty programs of all its kinds: %v", name, cause)
	}
	return costs
}

// loadsEmpty tells whether the kernel takes programs of this kind at this place.
func loadsEmpty(like *ebpf.ProgramSpec) bool {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "empty", Type: like.Type, AttachType: like.AttachType, AttachTo: like.AttachTo, License: like.License,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return false
	}
	p.Close()
	return true
}

// refusal is the kernel's answer in short.
func refusal(err error) string {
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		return number.Error()
	case errors.Is(err, ebpf.ErrNotSupported):
		return "this kernel does not have it"
	}
	return err.Error()
}

// overBudget returns a sentence for each program that costs more than it may,
// or that nobody has set a budget for.
func overBudget(budget map[string]uint32, all []cost) []string {
	var complaints []string
	for _, c := range all {
		limit, ok := budget[c.key()]
		switch {
		case c.absent != nil || c.verified == 0:
		case !ok:
			complaints = append(complaints, fmt.Sprintf("%s has no budget: add it with -update-budget", c.key()))
		case c.verified > limit:
			complaints = append(complaints, fmt.Sprintf("%s: the verifier walks %d instructions, %d are allowed", c.key(), c.verified, limit))
		}
	}
	return complaints
}

func TestOverBudget(t *testing.T) {
	budget := map[string]uint32{"life/a": 100}
	for _, c := range []struct {
		cost cost
		bad  bool
	}{
		{cost{object: "life", program: "a", verified: 100}, false},
		{cost{object: "life", program: "a", verified: 101}, true},
		{cost{object: "life", program: "b", verified: 1}, true},
		{cost{object: "life", program: "b", absent: syscall.EPERM}, false},
	} {
		if got := overBudget(budget, []cost{c.cost}); (len(got) > 0) != c.bad {
			t.Errorf("%+v: %v", c.cost, got)
		}
	}
}

func readBudget(file string) (map[string]uint32, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the budget: %w", err)
	}
	defer f.Close()
	budget := map[string]uint32{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || fields[0][0] == '#' {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("reading the budget: %q is not a program and a number", lines.Text())
		}
		n, err := strconv.ParseUint(fields[1], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading the budget of %s: %w", fields[0], err)
		}
		budget[fields[0]] = uint32(n)
	}
	return budget, lines.Err()
}

// writeBudget raises what is too low, keeps the rest, and forgets the programs
// that are gone: kernels differ, and a file has to do for all. To lower a limit,
// delete its line first.
func writeBudget(file string, old map[string]uint32, all []cost) error {
	var b strings.Builder
	b.WriteString("# How many instructions the verifier may walk for each program: the most of the\n" +
		"# kernels it was measured on, and a quarter more. `make cost` compares;\n" +
		"# go test ./probes -run Budget -update-budget raises what is too low.\n")
	for _, c := range all {
		limit := old[c.key()]
		delete(old, c.key())
		if c.verified > limit || limit == 0 {
			limit = c.verified + c.verified/4
		}
		if limit > 0 {
			fmt.Fprintf(&b, "%-44s %d\n", c.key(), limit)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(old)) { // what this kernel does not load
		fmt.Fprintf(&b, "%-44s %d\n", key, old[key])
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}
