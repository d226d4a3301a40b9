// Command report runs `go test -json` and shows of it what a reader wants: a
// line a package, the output of what failed, and, of one or several runs, a
// closing summary with what was skipped and why.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sort"
	"strings"
)

func main() {
	log := flag.String("log", "", "keep the run's events in `FILE`")
	summary := flag.Bool("summary", false, "summarise the files of events named by the arguments")
	flag.Parse()
	var passed bool
	var err error
	switch {
	case *summary:
		passed, err = summarise(os.Stdout, flag.Args())
	case *log != "" && flag.NArg() > 0:
		passed, err = run(os.Stdout, *log, flag.Args())
	default:
		fmt.Fprintln(os.Stderr, "usage: report -log FILE -- COMMAND ARGS... | report -summary FILE...")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
	}
	if err != nil || !passed {
		os.Exit(1)
	}
}

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build's output
	Test       string
	Output     string
	Elapsed    float64
}

// run runs a command that prints events, keeps them and shows them.
func run(w io.Writer, log string, command []string) (passed bool, err error) {
	kept, err := os.Create(log)
	if err != nil {
		return false, err
	}
	defer kept.Close()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	s := show{w: w, output: map[[2]string][]string{}}
	if err := events(io.TeeReader(out, kept), s.add); err != nil {
		return false, err
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, nil
}

func events(r io.Reader, f func(event)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			e = event{Action: "build-output", Output: lines.Text() + "\n"}
		}
		f(e)
	}
	return lines.Err()
}

// show holds back each test's output until it is known whether it failed.
type show struct {
	w      io.Writer
	output map[[2]string][]string
}

func (s *show) add(e event) {
	key := [2]string{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.w, e.Output)
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "fail":
		for _, line := range s.output[key] {
			fmt.Fprint(s.w, line)
		}
		fallthrough
	case "pass", "skip":
		delete(s.output, key)
		if e.Test == "" && e.Action == "pass" {
			fmt.Fprintf(s.w, "  %-5s %s (%.1f s)\n", "OK", e.Package, e.Elapsed)
		}
	}
}

// flavours are the ways to hook one source, as tests name them.
var flavours = []string{"tracepoint", "fentry", "kprobe", "syscall"}

// summarise tells what the runs held. A test with parts counts as its parts,
// unless it failed itself; a package that fails without a failed test counts as one.
func summarise(w io.Writer, files []string) (passed bool, err error) {
	count := map[string]int{}
	byFlavour := map[string]int{}
	var skips, fails []string
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return false, err
		}
		var failed []string // packages
		parents := map[string]bool{}
		said := map[string]string{}
		results := map[string]string{}
		err = events(f, func(e event) {
			test := e.Package + " " + e.Test
			switch {
			case e.Test == "":
				if e.Action == "fail" {
					failed = append(failed, e.Package)
				}
			case e.Action == "output" && !strings.HasPrefix(strings.TrimSpace(e.Output), "---") &&
				!strings.HasPrefix(e.Output, "==="):
				said[test] = strings.TrimSpace(e.Output)
			case e.Action == "run":
				if i := strings.LastIndexByte(test, '/'); i > len(e.Package) {
					parents[test[:i]] = true
				}
			case e.Action == "pass", e.Action == "skip", e.Action == "fail":
				results[test] = e.Action
			}
		})
		f.Close()
		if err != nil {
			return false, fmt.Errorf("reading %s: %w", name, err)
		}
		for test, result := range results {
			if parents[test] && result != "fail" {
				continue
			}
			count[result]++
			switch result {
			case "skip":
				skips = append(skips, test+": "+said[test])
			case "fail":
				fails = append(fails, test)
			case "pass":
				for _, f := range flavours {
					if strings.Contains(strings.ToLower(test), "/"+f) {
						byFlavour[f]++
					}
				}
			}
		}
		for _, p := range failed {
			if !slices.ContainsFunc(fails, func(test string) bool { return strings.HasPrefix(test, p+" ") }) {
				fails = append(fails, p)
				count["fail"]++
			}
		}
	}
	for _, f := range flavours {
		if byFlavour[f] > 0 {
			fmt.Fprintf(w, "  %-10s %d passed on this kernel\n", f, byFlavour[f])
		}
	}
	for _, list := range []struct {
		title string
		of    []string
	}{{"skipped", skips}, {"failed", fails}} {
		sort.Strings(list.of)
		for _, line := range list.of {
			fmt.Fprintf(w, "  %-10s %s\n", list.title, line)
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", count["pass"], count["fail"], count["skip"])
	return len(fails) == 0, nil
}
