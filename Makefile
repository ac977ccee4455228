# Everything a fresh machine with Go needs: make run, make test.
GO ?= go
BIN := bin/dmwake

.DEFAULT_GOAL := help

.PHONY: help
help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-8s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/dmwake
	$(GO) build -o $(BIN) .

.PHONY: run
run: build ## run the suite against the embedded reference server
	./$(BIN) test

.PHONY: test
test: ## run all tests
	$(GO) test -p 4 $(TESTFLAGS) ./... # more packages than cores: many tests wait
	@$(GO) test -v -run 'Capture|UnmodifiedSender|LabCommand|Prometheus|Chromium' ./simulator/... ./harness/lab ./harness/cli ./harness/report ./harness/load ./harness/load/page ./fakewns/control 2>&1 | grep -A3 'NOT RUN' || echo "no test was skipped"

.PHONY: k6
k6: ## build bin/k6, k6 with dmwake in it (AGPL-3.0 when linked), and test it with real processes
	cd harness/k6 && $(GO) build -o ../../bin/k6 ./cmd/k6
	cd harness/k6 && $(GO) vet ./... && $(GO) mod tidy -diff
	@if command -v golangci-lint >/dev/null; then cd harness/k6 && golangci-lint run -c ../../.golangci.yml; fi
	cd harness/k6 && $(GO) test ./...
	@command -v prometheus >/dev/null || echo "NOT RUN: prometheus is not on this machine (Debian package prometheus), and most of these tests need it"

.PHONY: bench
bench: ## print the speed ratios of DESIGN's table; they never fail
	$(GO) test -run '^$$' -bench . -benchtime 7x ./simulator/syncml ./simulator/dmclient ./fakewns
	$(GO) test -run '^$$' -bench . -benchtime 1x ./simulator/fleet ./fakewns/link ./harness/load

# A count of inputs ends a target cleanly; a time may end it in the middle of
# one, which go test calls a failure ("context deadline exceeded").
FUZZTIME ?= 60s

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (60s)
	@set -e; n=0; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    n=$$((n+1)); echo "$$target in $$pkg"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; done; done; \
	test $$n -gt 0 || { echo "no fuzz target was found"; exit 1; }

.PHONY: mutants
mutants: ## the whole suite on every mutant and on every variant, half an hour; write harness/docs/mutants.md
	$(GO) test -v ./scenarios -run "TestMatrix|TestVariantsPass" -timeout 180m -matrix $(CURDIR)/harness/docs/mutants.md

.PHONY: seeds
seeds: ## the whole suite, alone and on every tenth mutant, with ten seeds: the verdicts must be the same; half an hour
	$(GO) test -v ./scenarios -run TestSeeds -timeout 180m -seeds 10

.PHONY: facts
facts: ## write harness/docs/facts.md: what each fact of the protocol is proven by
	$(GO) run ./harness/facts/write > harness/docs/facts.md

.PHONY: lint
lint: ## check format, vet, module files; golangci-lint where it is installed
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not formatted:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) mod tidy -diff
	@if command -v golangci-lint >/dev/null; then golangci-lint run; else echo "golangci-lint is not installed: skipped"; fi

.PHONY: ci
ci: lint ## what CI runs: lint, race tests, the end-to-end run
	GOOS=windows $(GO) vet ./... # who writes an MDM server may do so there
	$(MAKE) test TESTFLAGS="-race -timeout 15m"
	$(MAKE) k6
	$(MAKE) fuzz FUZZTIME=3000x
	$(MAKE) run
