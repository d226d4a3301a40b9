package main

import (
	"errors"
	"fmt"

	"github.com/throughline/throughline/internal/config"
	"github.com/throughline/throughline/probes/process"
)

// A choice is one way in which targets were asked for.
type choice struct {
	process.Selector
	// start, if it is not 0, is when the process that PID named began: numbers
	// are given again.
	start uint64
}

// selectors are the ways in which targets were asked for.
func selectors(c config.Config) ([]choice, error) {
	var all []choice
	for _, pid := range c.PIDs {
		all = append(all, choice{Selector: process.Selector{PID: pid}})
	}
	for _, port := range c.Ports {
		all = append(all, choice{Selector: process.Selector{Port: port}})
	}
	for _, exe := range c.Exes {
		all = append(all, choice{Selector: process.Selector{Exe: exe}})
	}
	for _, id := range c.Containers {
		all = append(all, choice{Selector: process.Selector{Container: id}})
	}
	for _, s := range all {
		if err := s.Validate(); err != nil {
			return nil, usageError{err}
		}
	}
	return all, nil
}

// pin binds each number to the process that has it now.
func pin(all []choice) error {
	for i := range all {
		if all[i].PID == 0 {
			continue
		}
		p, err := process.Read(all[i].PID)
		if err != nil {
			return err
		}
		all[i].start = p.StartTime
	}
	return nil
}

// find returns the processes that any of the choices choose, each once, and
// ends at the first error. With patient it goes on and returns what it found
// beside the errors, and processes that are not there, or no more, are none.
func find(all []choice, patient bool) ([]*process.Process, error) {
	var (
		found []*process.Process
		errs  []error
		seen  = map[process.ID]bool{}
	)
	for _, s := range all {
		some, err := process.Find(s.Selector)
		switch {
		case err == nil:
		case !patient:
			return nil, err
		case !errors.Is(err, process.ErrNotFound) && !errors.Is(err, process.ErrExited):
			errs = append(errs, err)
		}
		for _, p := range some {
			if s.start != 0 && s.start != p.StartTime || seen[p.ID] {
				continue
			}
			seen[p.ID] = true
			found = append(found, p)
		}
	}
	return found, errors.Join(errs...)
}

func describe(found []*process.Process) string {
	if len(found) == 1 {
		return fmt.Sprintf("process %d (%s)", found[0].PID, found[0].ServiceName())
	}
	return fmt.Sprintf("%d processes", len(found))
}
