package process

import (
	"fmt"
	"os"

	"github.com/throughline/throughline/probes/process/runtime"
	"github.com/throughline/throughline/probes/process/runtime/dotnet"
	"github.com/throughline/throughline/probes/process/runtime/golang"
	"github.com/throughline/throughline/probes/process/runtime/java"
	"github.com/throughline/throughline/probes/process/runtime/native"
	"github.com/throughline/throughline/probes/process/runtime/node"
	"github.com/throughline/throughline/probes/process/runtime/php"
	"github.com/throughline/throughline/probes/process/runtime/python"
	"github.com/throughline/throughline/probes/process/runtime/ruby"
)

// recognisers lists the runtimes, first match first; native matches all.
func recognisers() []runtime.Recogniser {
	return []runtime.Recogniser{
		java.Recogniser{},
		dotnet.Recogniser{},
		golang.Recogniser{},
		node.Recogniser{},
		python.Recogniser{},
		ruby.Recogniser{},
		php.Recogniser{},
		native.Recogniser{},
	}
}

func (fs FS) readRuntime(p *Process) error {
	s := &runtime.Subject{Path: p.Executable, Args: p.Args, Root: fs.path(p.PID, "root")}
	for _, l := range p.Libraries {
		s.Libraries = append(s.Libraries, l.Path)
	}
	f, err := os.Open(fs.path(p.PID, "exe"))
	if err != nil {
		return err
	}
	defer f.Close()
	s.Exe = f
	p.Runtime = recognise(s)
	return nil
}

// recognise asks each runtime. One that chokes on a hostile file is passed over.
func recognise(s *runtime.Subject) *runtime.Runtime {
	for _, r := range recognisers() {
		if found, err := try(r, s); err == nil && found != nil {
			return found
		}
	}
	return &runtime.Runtime{Kind: "native", Language: "unknown"}
}

// try turns a panic of the standard library's ELF reader, which warns that it is
// not hardened against hostile files, into an error.
func try(r runtime.Recogniser, s *runtime.Subject) (found *runtime.Runtime, err error) {
	defer func() {
		if v := recover(); v != nil {
			found, err = nil, fmt.Errorf("recognising %s: %v", s.Path, v)
		}
	}()
	return r.Recognise(s)
}
