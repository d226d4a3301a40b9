// Package bpf holds the compiled kernel programs. The sources are beside it;
// make builds the objects, which are not kept in git.
package bpf

import (
	"fmt"
	"io"
)

// Object opens the compiled form of <name>.bpf.c for this architecture.
func Object(name string) (io.ReaderAt, error) {
	f, err := objects.Open(name + suffix)
	if err != nil {
		return nil, fmt.Errorf("opening kernel program %s: %w", name, err)
	}
	return f.(io.ReaderAt), nil // embed.FS promises it
}
