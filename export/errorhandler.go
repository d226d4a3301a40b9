package export

import (
	"log/slog"
	"sync"

	"go.opentelemetry.io/otel"
)

// maxDistinctErrors bounds the memory and the lines that the SDK's errors may cost.
const maxDistinctErrors = 64

// ErrorHandler is for the program's main to install with otel.SetErrorHandler, so that what the SDK reports on its
// own goes to log, each distinct message once. Failed exports are not among these: the pipeline counts and logs them.
func ErrorHandler(log *slog.Logger) otel.ErrorHandler {
	var mu sync.Mutex
	seen := map[string]struct{}{}
	return otel.ErrorHandlerFunc(func(err error) {
		if err == nil {
			return
		}
		mu.Lock()
		_, known := seen[err.Error()]
		known = known || len(seen) == maxDistinctErrors
		if !known {
			seen[err.Error()] = struct{}{}
		}
		mu.Unlock()
		if !known {
			log.Warn("reported by the OpenTelemetry SDK", "error", err)
		}
	})
}
