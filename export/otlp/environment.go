package otlp

const protocolGRPC = "grpc"

func checkEnvironment() (string, error) { return "http/protobuf", nil }
