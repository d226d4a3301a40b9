package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
)

const (
	roleClient = "client"
	roleServer = "server"
)

// serverSocket is the descriptor on which the server finds its socket.
const serverSocket = 3

// beClient waits for a byte on standard input, holds the conversations, and ends
// early when standard input ends.
func (o *options) beClient() error {
	if _, err := io.ReadFull(os.Stdin, make([]byte, 1)); err != nil {
		return fmt.Errorf("waiting for the word: %w", err)
	}
	m := newMaker(o.seed)
	file, err := poolFile(m.pool)
	if err != nil {
		return err
	}
	defer file.Close()
	c := &client{maker: m, port: o.port, file: file, deadline: o.deadline, tally: newTally()}
	if len(o.kinds) > 0 {
		c.wanted = func(kind string) bool { return slices.Contains(o.kinds, kind) }
	}
	if o.stream >= 0 {
		c.one(uint32(o.stream))
	} else {
		stop := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // its end is what counts
			close(stop)
		}()
		c.run(o.flight, o.requests, stop)
	}
	return c.tally.write(o.report)
}

// poolFile is a file that has the pool and no name.
func poolFile(pool []byte) (*os.File, error) {
	f, err := os.CreateTemp("", "throughline-unharmed-")
	if err != nil {
		return nil, fmt.Errorf("making a file: %w", err)
	}
	_, err = f.Write(pool)
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the pool: %w", err), f.Close())
	}
	return f, nil
}

// beServer serves until standard input ends, and then until the open conversations
// have ended.
func (o *options) beServer() error {
	socket := os.NewFile(serverSocket, "socket")
	l, err := net.FileListener(socket)
	if err = errors.Join(err, socket.Close()); err != nil {
		return fmt.Errorf("taking over the socket: %w", err)
	}
	s := &server{maker: newMaker(o.seed), may: named(list(o.may)), joined: o.joined, deadline: o.deadline, tally: newTally()}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		l.Close()
	}()
	s.serve(l)
	return s.tally.write(o.report)
}

func (t *tally) write(file string) error {
	text, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("writing what was counted: %w", err)
	}
	return os.WriteFile(file, text, 0o600)
}

func readTally(file string) (*tally, error) {
	text, err := os.ReadFile(file)
	t := newTally()
	if err == nil {
		err = json.Unmarshal(text, t)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what was counted: %w", err)
	}
	return t, nil
}
