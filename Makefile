# Throughline's build. `make help` lists the targets.
#
# A target that needs Debian packages installs those that are missing, through
# its own install-* target, before it does anything else.

CLANG        ?= clang-19
LLVM_STRIP   ?= llvm-strip-19
CLANG_FORMAT ?= clang-format-19
GO           ?= go

# Kernels of the VM matrix, and those that `make test` boots.
KERNELS      ?= 5.10 6.1 6.12 7
TEST_KERNELS ?= 5.10 6.12
# End-to-end tests that the matrix runs for each flavour (go test -run).
VM_TESTS     ?= ^TestCore(Programs|Curl)$$

# Programs of test/truth whose every parent has to be right where a header can be
# put on the wire, or where none is expected.
TRUTH_PLAIN := direct,chain,fan-out,tree,spawn-blind,without-cancel,detached,pool,pool-lazy,pool-blind,pool-blind-lazy,pipeline,pooled,retry,timeout,proxy,redirect

# Programs of test/realgo that `make test` builds and traces: each builds within a minute.
QUICK_REALGO := go-httpbin,nats-server

OUT     := .output
VERSION := $(or $(shell git describe --tags --always --dirty 2>/dev/null),unknown)

ifneq ($(V),1)
Q := @
say = @printf '  %-5s %s\n' $(1) $(2)
endif

.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

.PHONY: all
all: objects bin/throughline ## Build the BPF objects and bin/throughline (default)

# ---- BPF objects ----

# UAPI headers of the build machine serve both architectures; what differs
# between them, the programs take from __TARGET_ARCH_*.
BPF_CFLAGS := -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror \
	-target bpf -mcpu=v3 -I/usr/include/$(shell uname -m)-linux-gnu
BPF_NAMES   := $(filter-out abi,$(patsubst bpf/%.bpf.c,%,$(wildcard bpf/*.bpf.c)))
BPF_OBJECTS := $(foreach arch,x86 arm64,$(BPF_NAMES:%=bpf/%_$(arch).o))
ABI_OBJECT  := $(OUT)/abi.o

# $(call compile,ARCH): compiles $< to $@ with its dependencies beside it.
# DWARF goes, BTF stays.
define compile
$(call say,BPF,$@)
$(Q)$(CLANG) $(BPF_CFLAGS) -D__TARGET_ARCH_$(1) -MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@
$(Q)$(LLVM_STRIP) -g $@
endef

.PHONY: objects
objects: $(BPF_OBJECTS) bpf/abi/types.go ## Compile bpf/*.bpf.c for amd64 and arm64

bpf/%_x86.o: bpf/%.bpf.c Makefile | install-build
	$(call compile,x86)

bpf/%_arm64.o: bpf/%.bpf.c Makefile | install-build
	$(call compile,arm64)

$(ABI_OBJECT): bpf/abi.bpf.c Makefile | install-build $(OUT)
	$(call compile,x86)

-include $(BPF_OBJECTS:.o=.d) $(ABI_OBJECT:.o=.d)

bpf/abi/types.go: $(ABI_OBJECT) bpf/abi/generate/main.go
	$(call say,GEN,$@)
	$(Q)$(GO) run ./bpf/abi/generate $(ABI_OBJECT) $@

.PHONY: generate
generate: $(ABI_OBJECT) ## Write bpf/abi/types.go from the BTF of bpf/abi.h
	$(call say,GEN,bpf/abi/types.go)
	$(Q)$(GO) run ./bpf/abi/generate $(ABI_OBJECT) bpf/abi/types.go

# ---- the agent ----

GO_BUILD := CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false \
	-ldflags '-s -w -X github.com/throughline/throughline/internal/buildinfo.Version=$(VERSION)'

# Go knows best what is out of date.
.PHONY: FORCE
bin/throughline: objects FORCE
	$(call say,GO,$@)
	$(Q)$(GO_BUILD) -o $@ ./cmd/agent

$(OUT):
	$(Q)mkdir -p $@

# ---- tests ----

UNIT_PACKAGES = $$($(GO) list ./... | grep -v -e /test/e2e)
REPORT = $(OUT)/report

# Tests that attach run one package after another: their figures are times.
.PHONY: test
test: install-test install-vm all collector | $(OUT) ## Run every test: units, end to end, the VM's two ends
	$(Q)$(GO) build -o $(REPORT) ./make/report
	$(Q)rm -f $(OUT)/test-*.json
	$(Q)$(REPORT) -log $(OUT)/test-unit.json -- $(GO) test -json -race -timeout 10m $(UNIT_PACKAGES)
	$(Q)$(REPORT) -log $(OUT)/test-e2e.json -- $(GO) test -json -race -timeout 30m -count=1 -p 1 ./test/e2e/...
	$(Q)THROUGHLINE_FLAVOUR=syscall $(REPORT) -log $(OUT)/test-e2e-syscall.json -- $(GO) test -json -timeout 30m -count=1 -p 1 -run TestCore -skip 'TestCore(NoDamage|Sampling)' ./test/e2e/...
	$(Q)$(GO) run ./test/truth -short -programs $(TRUTH_PLAIN)
	$(Q)$(GO) run ./test/truth -short $(JOINS) -programs $(JOINS_SHORT)
	$(Q)$(GO) run ./test/truth -attach during -concurrency 32 -requests 200 -programs pool-blind,pool-blind-lazy
	$(Q)$(GO) run ./test/unharmed -modes off,headers,formats,joins,killed
	$(Q)$(GO) run ./test/realgo -cache $(OUT)/realgo -programs $(QUICK_REALGO)
	$(Q)$(MAKE) --no-print-directory vm KERNELS='$(TEST_KERNELS)'
	$(Q)$(MAKE) --no-print-directory vm-context
	$(Q)$(REPORT) -summary $(OUT)/test-*.json

.PHONY: vm
vm: install-vm all | $(OUT) ## Run the kernel matrix (KERNELS='5.10 6.1 6.12 7') and print its table
	$(Q)CGO_ENABLED=0 $(GO) test -c -o $(OUT)/e2e.test ./test/e2e
	$(Q)$(GO) run ./test/vm -matrix '$(KERNELS)' -run '$(VM_TESTS)' -table $(OUT)/vm/table.md

# The kernel in whose VM programs may write to a process, which this host may forbid.
CONTEXT_KERNEL ?= 6.12

.PHONY: vm-context
vm-context: install-vm all | $(OUT) ## Trace Go programs over TLS, HTTP/2 and gRPC in a VM that lets programs write to them (CONTEXT_KERNEL=6.12)
	$(Q)mkdir -p $(OUT)/context
	$(Q)CGO_ENABLED=0 $(GO) build -o $(OUT)/context/ ./test/truth ./test/truth/service
	$(Q)$(GO) run ./test/vm -kernel $(CONTEXT_KERNEL) -timeout 400s -copy bin/throughline -copy $(OUT)/context/truth -copy $(OUT)/context/service -- \
		./truth -agent ./throughline -service ./service -programs https,http2-chain,grpc -concurrency 4 -requests 12

.PHONY: bench
bench: install-test all path ## Measure what tracing costs
	$(Q)$(GO) run ./test/bench

.PHONY: path
path: ## Measure spans a second on one core behind the ring, to a receiver that discards them, and their allocations
	$(Q)$(GO) run ./test/path

.PHONY: outage
outage: collector ## Show that no span is lost while a real Collector is away for a minute and the agent restarts meanwhile
	$(Q)$(GO) run ./test/outage
	$(Q)$(GO) test -count=1 -v -run 'TestHangingExporter' ./export

.PHONY: budget
budget: install-build all ## Count the hits of library probes a request, and what they cost
	$(Q)$(GO) run ./test/budget

.PHONY: truth
truth: install-build all ## Measure whether the agent tells what caused what (TRUTH='-short')
	$(Q)$(GO) run ./test/truth $(TRUTH)

# Programs whose services share nothing but sequence numbers, in clear and over TLS.
JOINS := -nat -propagation joins -context none
JOINS_SHORT := direct,chain,https
JOINS_LONG  := direct,chain,fan-out,pooled,retry,proxy,https

.PHONY: joins
joins: install-test all ## Measure requests that are joined without a header, behind a router that translates addresses
	$(Q)$(GO) run ./test/truth $(JOINS) -concurrency 32,256 -programs $(JOINS_LONG)

.PHONY: unharmed
unharmed: install-build all ## Show that a million requests arrive as they were sent, also while the agent is killed (SEED=1)
	$(Q)$(GO) run ./test/unharmed -seed $(or $(SEED),1) -modes headers -requests 1000000
	$(Q)$(GO) run ./test/unharmed -seed $(or $(SEED),1) -modes none,off,nonblocking,both,formats,joins,option,killed -requests 100000 -deaths 20

.PHONY: detach
detach: install-test all ## Show that a Go service under load loses no request while a hundred agents come and go
	$(Q)$(GO) test -count=1 -v -timeout 20m -run 'TestDetach$$' ./test/e2e -attachments 100

.PHONY: versions
versions: install-test all ## Trace a program built by each Go version, and with gRPC-Go's, in each way, and print the tables
	$(Q)$(GO) run ./test/versions

.PHONY: realgo
realgo: install-build all ## Trace Go servers that nobody here wrote, built from their modules, and print the table
	$(Q)$(GO) run ./test/realgo -cache $(OUT)/realgo

.PHONY: demo
demo: install-demo all ## Trace a request through three services and print its waterfall
	$(Q)$(GO) run ./test/demo

.PHONY: collector
collector: bin/otelcol ## Build bin/otelcol, the OpenTelemetry Collector that tests export to

bin/otelcol: $(wildcard test/collector/*.go) test/collector/go.mod test/collector/go.sum
	$(call say,GO,$@)
	$(Q)cd test/collector && CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o ../../$@ .

# A Jaeger that stores in memory, from its own module, whose replacements `go install` refuses.
JAEGER := github.com/jaegertracing/jaeger@v1.76.0
JAEGER_BINARY := $(OUT)/$(subst /,-,$(JAEGER))

$(JAEGER_BINARY): | $(OUT)
	$(call say,GO,$@)
	$(Q)dir=$$($(GO) mod download -json $(JAEGER) | sed -n 's/^\t"Dir": "\(.*\)",$$/\1/p') && cd "$$dir" && \
		CGO_ENABLED=0 nice $(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o $(abspath $@) ./cmd/all-in-one

.PHONY: jaeger
jaeger: $(JAEGER_BINARY) ## Send a trace to a Jaeger in each way that it takes, and ask it for the trace (builds it once, 5 minutes)
	$(Q)$(GO) test -count=1 -v -run TestJaegerAllInOne ./export -jaeger $(abspath $(JAEGER_BINARY))

.PHONY: image
image: install-image | $(OUT) ## Build the container image with buildah, from a base bootstrapped here
	$(Q)make/image.sh '$(VERSION)'

# ---- checks ----

GO_FILES = $$(git ls-files -co --exclude-standard '*.go')
C_FILES  = $$(git ls-files -co --exclude-standard 'bpf/*.c' 'bpf/*.h')

.PHONY: format
format: install-check ## Format Go and C as `make check` wants it
	$(Q)gofmt -w $(GO_FILES)
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)

.PHONY: check
check: install-check generate objects ## Check generated files, format, vet, import rules, the arm64 build
	$(call say,CHECK,generated)
	$(Q)git diff --exit-code -- bpf/abi/types.go
	$(call say,CHECK,gofmt)
	$(Q)files=$$(gofmt -l $(GO_FILES)); [ -z "$$files" ] || { echo "not formatted: $$files"; exit 1; }
	$(call say,CHECK,clang-format)
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
	$(call say,CHECK,vet)
	$(Q)$(GO) vet ./...
	$(call say,CHECK,imports)
	$(Q)$(GO) test -count=1 -run Import ./internal/...
	$(call say,CHECK,arm64)
	$(Q)GOARCH=arm64 CGO_ENABLED=0 $(GO) build -buildvcs=false ./...

# ---- Debian packages ----

BUILD_PACKAGES = git ca-certificates $(CLANG) llvm-19 libbpf-dev linux-libc-dev
CHECK_PACKAGES = $(BUILD_PACKAGES) $(CLANG_FORMAT)
DEMO_PACKAGES  = $(BUILD_PACKAGES) python3 curl $(if $(shell command -v node),,nodejs)
TEST_PACKAGES  = $(DEMO_PACKAGES) gcc libc6-dev iproute2 iptables nginx-light haproxy python3-flask python3-grpcio python3-h2 python3-httpx \
	python3-requests python3-urllib3 python3-aiohttp gunicorn wrk tomcat10-user \
	$(if $(shell command -v javac),,openjdk-17-jdk-headless)
VM_PACKAGES    = $(BUILD_PACKAGES) qemu-system-x86 debootstrap e2fsprogs xz-utils
IMAGE_PACKAGES = buildah debootstrap

.PHONY: install-build install-check install-demo install-test install-vm install-image
install-build: ; @make/install.sh $(BUILD_PACKAGES) ## Install the packages that the build needs
install-check: ; @make/install.sh $(CHECK_PACKAGES) ## ... that `make check` needs
install-demo:  ; @make/install.sh $(DEMO_PACKAGES) ## ... that `make demo` needs
install-test:  ; @make/install.sh $(TEST_PACKAGES) ## ... that `make test` needs
install-vm:    ; @make/install.sh $(VM_PACKAGES) ## ... that `make vm` needs
install-image: ; @make/install.sh $(IMAGE_PACKAGES) ## ... that `make image` needs

# ---- the rest ----

.PHONY: clean
clean: ## Remove what was built, but not downloaded kernels and images
	$(Q)rm -rf bin bpf/*.o bpf/*.d
	$(Q)find $(OUT) -mindepth 1 -maxdepth 1 ! -name vm -exec rm -rf {} + 2>/dev/null || true

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: cost
cost: objects ## List what each kernel program costs the verifier, against bpf/budget.txt
	$(Q)$(GO) test -count=1 -run TestInstructionBudget -v ./probes
