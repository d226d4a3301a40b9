package httpspan

import (
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
)

// judge sets the status and error.type: 4xx is the client's failure, 5xx
// everybody's.
func (e *Exchange) judge(x *flow.Exchange) {
	failure := e.Failure
	switch {
	case failure != "":
		x.Description = e.Description
	case e.Status >= 500, e.Status >= 400 && e.Role == abi.RoleClient:
		failure = statusText(e.Status)
	default:
		return
	}
	x.Status = codes.Error
	x.Attributes = append(x.Attributes, semconv.ErrorTypeKey.String(failure))
}

// statusText writes a status code without allocating for the common ones.
func statusText(status int) string {
	switch status {
	case http.StatusNotFound:
		return "404"
	case http.StatusInternalServerError:
		return "500"
	case http.StatusBadGateway:
		return "502"
	case http.StatusServiceUnavailable:
		return "503"
	}
	return strconv.Itoa(status)
}
