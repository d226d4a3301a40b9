package main

import (
	"errors"
	"fmt"

	"github.com/throughline/throughline/internal/config"
	"github.com/throughline/throughline/probes/process"
)

// selectors are the ways in which targets were asked for.
func selectors(c config.Config) ([]process.Selector, error) {
	var all []process.Selector
	for _, pid := range c.PIDs {
		all = append(all, process.Selector{PID: pid})
	}
	for _, port := range c.Ports {
		all = append(all, process.Selector{Port: port})
	}
	for _, exe := range c.Exes {
		all = append(all, process.Selector{Exe: exe})
	}
	for _, id := range c.Containers {
		all = append(all, process.Selector{Container: id})
	}
	for _, s := range all {
		if err := s.Validate(); err != nil {
			return nil, usageError{err}
		}
	}
	return all, nil
}

// find returns the processes that any of the selectors choose, each once. With
// patient, processes that are not there yet are no error.
func find(all []process.Selector, patient bool) ([]*process.Process, error) {
	var found []*process.Process
	seen := map[process.ID]bool{}
	for _, s := range all {
		some, err := process.Find(s)
		if s.PID != 0 {
			var p *process.Process
			if p, err = process.Read(s.PID); err == nil {
				some = []*process.Process{p}
			}
		}
		if patient && errors.Is(err, process.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, p := range some {
			if !seen[p.ID] {
				seen[p.ID] = true
				found = append(found, p)
			}
		}
	}
	return found, nil
}

func describe(found []*process.Process) string {
	if len(found) == 1 {
		return fmt.Sprintf("process %d (%s)", found[0].PID, found[0].ServiceName())
	}
	return fmt.Sprintf("%d processes", len(found))
}
