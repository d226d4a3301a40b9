package main

import (
	"fmt"
	"net"
)

// A server is what a role is made of.
type server interface {
	serve(l net.Listener) error
	end()
}

// A builder makes a role of a program.
type builder func(e *environment) (server, error)

// A program is one way to handle requests. Front is asked by the driver; a role
// that is nil is not used, but for leaf, which then answers.
type program struct {
	name                string
	front, middle, leaf builder
}

func programs() []program {
	return []program{
		{name: "direct", front: handles(direct)},
		{name: "chain", front: handles(viaMiddle), middle: handles(direct)},
		{name: "fan-out", front: handles(fanOut)},
		{name: "tree", front: handles(tree)},
		{name: "spawn-blind", front: handles(spawnBlind)},
		{name: "without-cancel", front: handles(withoutCancel)},
		{name: "detached", front: handles(detached)},
		{name: "pool", front: poolAtStart},
		{name: "pool-lazy", front: poolLazy},
		{name: "pool-blind", front: blindPoolAtStart},
		{name: "pool-blind-lazy", front: blindPoolLazy},
		{name: "pipeline", front: pipeline},
		{name: "pooled", front: fewConnections},
		{name: "retry", front: handles(retry), leaf: refuseFirst},
		{name: "timeout", front: withTimeout},
		{name: "proxy", front: proxy, middle: handles(direct)},
		{name: "redirect", front: handles(direct), leaf: redirectFirst},
		{name: "https", front: handles(direct)},
		{name: "http2", front: handles(fanOut)},
		{name: "http2-chain", front: handles(viaMiddle), middle: handles(fanOut)},
		{name: "grpc", front: grpcFront, middle: grpcMiddle, leaf: grpcLeaf},
		{name: "sql", front: withDatabase},
	}
}

// find returns what makes a role of a program.
func find(name, role string) (builder, error) {
	for _, p := range programs() {
		if p.name != name {
			continue
		}
		switch {
		case role == "front":
			return p.front, nil
		case role == "middle" && p.middle != nil:
			return p.middle, nil
		case role == "leaf" && p.leaf != nil:
			return p.leaf, nil
		case role == "leaf":
			return handles(answer), nil
		}
		return nil, fmt.Errorf("%s has no %q", name, role)
	}
	return nil, fmt.Errorf("no program is called %q", name)
}
