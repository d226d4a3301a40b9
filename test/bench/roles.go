package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// roleVariable makes the bench's own binary one of the programs it needs.
const roleVariable = "THROUGHLINE_BENCH_ROLE"

// play runs a role with its arguments.
func play(role string, args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	roles := map[string]func(context.Context, []string) error{
		"hello":     serveHello,
		"secure":    serveSecure,
		"echo":      serveEcho,
		"caller":    serveCaller,
		"bulk":      serveBulk,
		"carrier":   serveCarrier,
		"collector": serveCollector,
		"pace":      playPace,
		"calls":     playCalls,
		"bystander": playBystander,
	}
	f, ok := roles[role]
	if !ok {
		return fmt.Errorf("no role is called %q", role)
	}
	return f(ctx, args)
}

// as returns the command that plays a role.
func as(role string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the own executable: %w", err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// serve serves on an address until the context ends.
func serve(ctx context.Context, address string, h http.Handler) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: h}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

func serveHello(ctx context.Context, args []string) error {
	return serve(ctx, args[0], hello())
}

func hello() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello\n")
	})
}

// serveCaller answers with what the address of its second argument answers.
func serveCaller(ctx context.Context, args []string) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	return serve(ctx, args[0], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := client.Get("http://" + args[1] + "/hello")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		_, _ = io.Copy(w, answer.Body)
	}))
}
