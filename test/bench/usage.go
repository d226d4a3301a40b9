package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A usage is the processor time that was used until some moment.
type usage struct {
	at            time.Time
	target, agent time.Duration
	rest          time.Duration // of the bench's other programs, but generators
	machine       time.Duration // by everything on it
	kernel        kernelTime    // of the agent's kernel programs, where they are timed
}

func (b *bench) usage(v *server, a *agent) (usage, error) {
	u := usage{at: time.Now()}
	var errs [6]error
	u.target, errs[0] = v.own.CPU()
	if a != nil {
		u.agent, errs[1] = a.stage.CPU()
		u.kernel, errs[5] = programTime(a.program.PID())
	}
	var beside, side time.Duration
	beside, errs[2] = v.beside.CPU()
	side, errs[3] = b.side.CPU()
	u.rest = beside + side
	u.machine, errs[4] = readMachineTime()
	return u, errors.Join(errs[:]...)
}

// others returns the share of the machine that programs used between two
// moments which are none of the bench's.
func others(before, after usage, generator time.Duration) float64 {
	own := after.target - before.target + after.agent - before.agent + after.rest - before.rest + generator
	all := after.at.Sub(before.at) * time.Duration(runtime.NumCPU())
	return max(0, ratio(float64(after.machine-before.machine-own), float64(all)))
}

// tick is the unit of /proc/stat, USER_HZ, which is 100 a second everywhere.
const tick = 10 * time.Millisecond

// readMachineTime sums up the first line of /proc/stat: user, nice, system,
// irq and softirq, without idle, iowait and what the hypervisor gave to others.
func readMachineTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the machine's processor time: %w", err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 8 {
		return 0, errors.New("reading the machine's processor time: /proc/stat is short")
	}
	var sum time.Duration
	for _, i := range []int{1, 2, 3, 6, 7} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the machine's processor time: %w", err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}
