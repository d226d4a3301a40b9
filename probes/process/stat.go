package process

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// Flags of /proc/PID/stat: PF_EXITING and PF_KTHREAD in include/linux/sched.h.
const (
	pfExiting = 0x00000004
	pfKthread = 0x00200000
)

// stat is what is used of /proc/PID/stat; see proc_pid_stat(5).
type stat struct {
	comm      string
	state     byte
	ppid      int
	flags     uint64
	threads   int
	startTime uint64
}

// exiting says that it has given up its memory, or is about to.
func (s stat) exiting() bool { return s.flags&pfExiting != 0 || s.zombie() }

func (s stat) zombie() bool { return s.state == 'Z' || s.state == 'X' || s.state == 'x' }

// parseStat parses a line in which the second field, in parentheses, may itself
// hold spaces, parentheses and line breaks: it ends at the last ')'.
func parseStat(b []byte) (stat, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return stat{}, errors.New("parsing stat: no name in parentheses")
	}
	fields := strings.Fields(string(b[end+1:])) // fields[0] is field 3
	if len(fields) < 20 || len(fields[0]) != 1 {
		return stat{}, errors.New("parsing stat: line is too short")
	}
	s := stat{comm: printable(b[open+1 : end]), state: fields[0][0]}
	var errs [4]error
	s.ppid, errs[0] = strconv.Atoi(fields[1])
	s.flags, errs[1] = strconv.ParseUint(fields[6], 10, 64)
	s.threads, errs[2] = strconv.Atoi(fields[17])
	s.startTime, errs[3] = strconv.ParseUint(fields[19], 10, 64)
	return s, errors.Join(errs[:]...)
}

// status is what is used of /proc/PID/status; see proc_pid_status(5).
type status struct {
	tgid  int
	uid   int // effective
	nspid []int
}

func parseStatus(b []byte) (status, error) {
	var s status
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		fields := strings.Fields(value)
		switch key {
		case "Tgid":
			if len(fields) == 1 {
				s.tgid, _ = strconv.Atoi(fields[0])
			}
		case "Uid":
			if len(fields) == 4 {
				s.uid, _ = strconv.Atoi(fields[1])
			}
		case "NSpid":
			for _, f := range fields {
				n, err := strconv.Atoi(f)
				if err != nil {
					return s, errors.New("parsing status: NSpid is not a list of numbers")
				}
				s.nspid = append(s.nspid, n)
			}
		}
	}
	if s.tgid <= 0 {
		return s, errors.New("parsing status: no Tgid")
	}
	return s, nil
}

// parseNamespace returns the inode in "net:[4026531840]", or 0.
func parseNamespace(link string) uint64 {
	_, rest, _ := strings.Cut(link, ":[")
	digits, ok := strings.CutSuffix(rest, "]")
	if !ok {
		return 0
	}
	n, _ := strconv.ParseUint(digits, 10, 64)
	return n
}

// splitArgs splits a command line at its NULs. A process that rewrote its title
// leaves one string padded with NULs.
func splitArgs(b []byte) []string {
	b = bytes.TrimRight(b, "\x00")
	if len(b) == 0 {
		return nil
	}
	return strings.Split(string(b), "\x00")
}

// printable makes foreign bytes fit for a terminal line: control characters and
// broken UTF-8 become '?'.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, string(b))
}
