package export

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestErrorHandlerLogsEachMessageOnce(t *testing.T) {
	var log logBuffer
	handler := ErrorHandler(log.logger())
	handler.Handle(nil)
	for i := range 3 * maxDistinctErrors {
		handler.Handle(errors.New("the same"))
		handler.Handle(fmt.Errorf("number %d", i))
	}
	if n := strings.Count(log.String(), "\n"); n != maxDistinctErrors {
		t.Errorf("%d lines, want %d", n, maxDistinctErrors)
	}
	if n := strings.Count(log.String(), "the same"); n != 1 {
		t.Errorf("one message was logged %d times", n)
	}
}
