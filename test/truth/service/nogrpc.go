//go:build nogrpc

package main

import "errors"

func grpcFront(*environment) (server, error)  { return nil, errors.New("built without gRPC") }
func grpcMiddle(*environment) (server, error) { return nil, errors.New("built without gRPC") }
func grpcLeaf(*environment) (server, error)   { return nil, errors.New("built without gRPC") }
