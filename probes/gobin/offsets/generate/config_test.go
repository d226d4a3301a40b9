package main

import (
	"testing"

	"github.com/throughline/throughline/probes/gobin/offsets"
)

// What is wanted has to be in the table: a field or a version that was added
// without a go generate is not.
func TestTableIsComplete(t *testing.T) {
	fields, err := parseFields(fieldsText)
	if err != nil {
		t.Fatal(err)
	}
	programs, err := parseVersions(versionsText)
	if err != nil {
		t.Fatal(err)
	}
	table, err := offsets.Load()
	if err != nil {
		t.Fatal(err)
	}
	known := table.Readings()
	for _, p := range programs {
		if len(fields[p.module]) == 0 {
			t.Errorf("no fields of %s are wanted", p.module)
		}
		for _, version := range p.versions {
			if len(known[p.module][version]) == 0 {
				t.Errorf("%s %s is not in the table", p.module, version)
			}
		}
	}
	for module, wanted := range fields {
		for _, f := range wanted {
			found := false
			for _, offsets := range known[module] {
				_, ok := offsets[f]
				found = found || ok
			}
			if !found {
				t.Errorf("%s: no version has %s of %s", module, f.Name, f.Type)
			}
		}
	}
}

func TestDamagedConfig(t *testing.T) {
	for _, text := range []string{"a.T x", "module", "module m\na.T"} {
		if _, err := parseFields(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	if _, err := parseVersions("std std"); err == nil {
		t.Error("a program without versions is accepted")
	}
}
