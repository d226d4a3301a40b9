package main

import (
	"errors"
	"reflect"
	"testing"
)

func TestPackageSets(t *testing.T) {
	f := func(want [][]string, names ...string) {
		t.Helper()
		if got := packageSets(names); !reflect.DeepEqual(got, want) {
			t.Errorf("packageSets(%q) = %q, want %q", names, got, want)
		}
	}
	f(nil)
	f([][]string{{"linux-image-5.10.0-46-cloud-amd64"}, {"linux-image-5.10.0-9-cloud-amd64"}},
		"linux-image-5.10.0-9-cloud-amd64", "linux-image-5.10.0-46-cloud-amd64")
	f([][]string{{"linux-image-6.1.0-56-cloud-amd64"}},
		"linux-image-6.1-cloud-amd64", "linux-image-6.1.0-0.deb11.52-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64")
	f([][]string{{"linux-binary-7.2.13+deb14-cloud-amd64", "linux-modules-7.2.13+deb14-cloud-amd64"}},
		"linux-modules-7.2.13+deb14-cloud-amd64", "linux-binary-7.2.13+deb14-cloud-amd64",
		"linux-image-7.2.13+deb14-cloud-amd64", "linux-modules-7.3.1+deb14-cloud-amd64")
}

func TestJudge(t *testing.T) {
	f := func(want, said string, status int, err error, mustWork bool) {
		t.Helper()
		if got := judge(said, status, err, mustWork).String(); got != want {
			t.Errorf("judge(%q, %d, %v, %t) = %q, want %q", said, status, err, mustWork, got, want)
		}
	}
	pass := "=== RUN   TestA\n--- PASS: TestA (0.1s)\n    --- PASS: TestA/one (0.1s)\n"
	skip := "=== RUN   TestA\n    a_test.go:3: ABSENT: tp_btf/sock_send_length\n--- SKIP: TestA (0.1s)\nPASS\n"
	f("ok (1 tests)", pass+"PASS\n", 0, nil, true)
	f("FAIL (exit status 1)", pass+"--- FAIL: TestB (0.1s)\n", 1, nil, true)
	f("FAIL (ended)", pass, 0, errors.New("ended"), true)
	f("FAIL (no test ran)", "testing: warning: no tests to run\nPASS\n", 0, nil, true)
	f("absent (tp_btf/sock_send_length)", skip, 0, nil, false)
	f("FAIL (absent: tp_btf/sock_send_length)", skip, 0, nil, true)
}
