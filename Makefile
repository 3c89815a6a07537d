# Everything that people and CI run. `make demo` and `make test` need nothing but make, a network and Debian 12: what
# is missing they install, and say so first (deploy/scripts/setup.sh).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/integritybot
# setup.sh puts a Go here if the machine has none; otherwise the directory does not exist.
export PATH := $(CACHE)/go/bin:$(PATH)
# The parser of SQL checks is C.
export CGO_ENABLED := 1

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
BUILD_TAGS :=
BUILD_FLAGS :=
# STATIC=1 links libc, too, so that the binary runs in an empty image. netgo and osusergo: what glibc would load at
# run time, Go does itself.
ifeq ($(STATIC),1)
BUILD_TAGS := netgo,osusergo
LDFLAGS += -linkmode external -extldflags "-static"
# What is shipped must not depend on where it was built. Elsewhere this would only compile the C parser once more.
BUILD_FLAGS := -trimpath
endif

# Packages tested at once. Many start servers, so that more than four help little and cost much memory.
TEST_PACKAGES_AT_ONCE ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n : 4)))
TEST_FLAGS ?=
FUZZTIME ?= 1m
DEMO_FLAGS ?=
IMAGE ?= integritybot:$(VERSION)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup-demo build ## the whole product on this machine: a shop with planted defects and a simulated workspace
	bin/integritybot demo $(DEMO_FLAGS)

.PHONY: test
test: setup-test ## vet and all tests with the race detector; about 13 minutes on 2 cores
	go vet -race ./...
	go test -race -p $(TEST_PACKAGES_AT_ONCE) -timeout 15m $(TEST_FLAGS) ./...

.PHONY: test-all
test-all: setup-all ## the same and the slow peers: Slack's official Node clients, Apache Kafka, a real kube-apiserver, Alertmanager, a mail server
	go vet -race -tags peers ./...
	go test -race -tags peers -p $(TEST_PACKAGES_AT_ONCE) -timeout 30m $(TEST_FLAGS) ./...

.PHONY: lint
lint: setup-demo ## golangci-lint (with gofumpt) and unreachable functions, pinned
	@deploy/scripts/lint.sh

.PHONY: bench
bench: setup-all ## our numbers beside the other side's, in one run of 15 minutes or so; writes docs/benchmarks.md
	go test -tags bench -run TestBenchmarks -v -count 1 -timeout 60m ./internal/bench/...

.PHONY: golden
golden: setup-demo ## rewrite the golden files of the tests
	@deploy/scripts/golden.sh

.PHONY: fuzz
fuzz: setup-demo ## every fuzz test, FUZZTIME=1m each
	@deploy/scripts/fuzz.sh $(FUZZTIME)

.PHONY: build
build: ## bin/integritybot; STATIC=1 for one without shared libraries
	go build $(BUILD_FLAGS) -tags '$(BUILD_TAGS)' -ldflags '$(LDFLAGS)' -o bin/integritybot ./cmd/integritybot

.PHONY: image
image: ## the container image, by docker or podman
	@engine=$$(command -v docker || command -v podman) || { echo "make image needs docker or podman" >&2; exit 1; }; \
	"$$engine" build --build-arg VERSION='$(VERSION)' -t '$(IMAGE)' .

.PHONY: setup-demo setup-test setup-all
setup-demo setup-test setup-all: setup-%:
	@deploy/scripts/setup.sh $*
