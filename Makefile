# A fresh machine needs only Go: make run, make test.
GO ?= go
BIN := bin/dmwake

.DEFAULT_GOAL := help

.PHONY: help
help: ## show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/dmwake
	$(GO) build -o $(BIN) .

.PHONY: run
run: build ## run the suite against the embedded reference server
	./$(BIN) test

# The longest come first, so that nothing is left to wait for at the end.
PACKAGES ?= ./scenarios ./harness/cli ./harness/load/... ./harness/lab ./...

# go test, with the output of what failed and the skipped tests at its end.
GOTEST := GO=$(GO) $(GO) run ./harness/internal/gotest

# A person waits for make test: it takes a sample of the longest tests (-short), and
# leaves vet to make lint. make ci does all of it.
TESTFLAGS ?= -short -vet=off -timeout 30m

# Half of the time the collector took: tests are short, and make much garbage.
test: export GOGC ?= 400

.PHONY: test
test: ## run all tests, the longest by a sample, and list the skipped ones
	$(GOTEST) -p 4 $(TESTFLAGS) $(PACKAGES) # more packages than cores: many tests wait

.PHONY: newcomer
newcomer: ## do what README says in a fresh clone with empty caches, and compare the output (ten minutes)
	$(GO) test -v ./harness/newcomer -count 1 -timeout 40m -fresh

.PHONY: k6
k6: ## build bin/k6, a k6 with the dmwake extension (AGPL-3.0 when linked), and test it with real processes
	cd harness/k6 && $(GO) build -o ../../bin/k6 ./cmd/k6
	cd harness/k6 && $(GO) vet ./... && $(GO) mod tidy -diff
	@if command -v golangci-lint >/dev/null; then cd harness/k6 && golangci-lint run -c ../../.golangci.yml; fi
	$(GOTEST) -C harness/k6 ./...

.PHONY: bench
bench: ## print the speed ratios of harness/docs/speed.md; never fails
	$(GO) test -run '^$$' -bench . -benchtime 7x ./simulator/syncml ./simulator/csp/ddf ./simulator/dmclient ./fakewns
	$(GO) test -run '^$$' -bench . -benchtime 1x ./simulator/fleet ./fakewns/link ./fakewns/state ./harness/load ./harness/console

# A number of inputs ends a target cleanly. A time limit can end it within an
# input, which go test reports as a failure ("context deadline exceeded").
FUZZTIME ?= 60s

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (60s)
	@set -e; n=0; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    n=$$((n+1)); echo "$$target in $$pkg"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; done; done; \
	test $$n -gt 0 || { echo "found no fuzz target"; exit 1; }

.PHONY: mutants
mutants: ## run the whole suite on every mutant (more than an hour), and write harness/docs/mutants.md
	$(GO) test -v ./scenarios -run TestMatrix -timeout 180m -matrix $(CURDIR)/harness/docs/mutants.md

.PHONY: variants
variants: ## run the whole suite on every variant and on 60 combinations of three (half an hour), and enrollment behind proxies
	$(GO) test -v ./scenarios -run 'TestVariants$$|TestProxy|TestWorkDecides' -timeout 180m -variants

.PHONY: seeds
seeds: ## run the whole suite with ten seeds, also on every tenth mutant (more than an hour); all verdicts must agree
	$(GO) test -v ./scenarios -run TestSeeds -timeout 180m -seeds 10

.PHONY: tutorial
tutorial: ## follow harness/docs/tutorial.md with the whole suite at its end (three minutes); make ci leaves that run out
	$(GO) test -v ./harness/cli -run TestTutorial -count 1 -timeout 15m -whole

.PHONY: chaos
chaos: ## kill and starve dmwake as harness/docs/reliability.md tells (ten minutes); make test takes a sample of it
	$(GO) test -v ./harness/chaos -timeout 20m -chaos

.PHONY: words
words: ## give each flag of each command wrong values, and look for words that tell a user nothing (minutes)
	$(GO) test -v ./harness/cli -run TestErrorsInPlainWords -count 1 -timeout 30m -every-value

.PHONY: capacity
capacity: ## search servers of known capacity with dmwake load --find's code, in real time (ten minutes)
	$(GO) test -v ./harness/load/find -run TestRealCapacity -count 1 -timeout 40m -capacity

# Each is also a job of the nightly workflow.
NIGHTLY ?= release newcomer tutorial site-test words chaos capacity variants mutants seeds

.PHONY: nightly
nightly: ## run what takes too long for make ci (about five hours on two cores)
	$(MAKE) $(NIGHTLY)

.PHONY: release
release: release-check release-snapshot image ## try all that a release does, without one

# goreleaser is a program of its own, and its hundreds of modules are not in go.mod.
GORELEASER ?= $(GO) run github.com/goreleaser/goreleaser/v2@v2.13.0

.PHONY: extras
extras: ## write completions and manual pages for release archives to bin/extras
	rm -rf bin/extras && mkdir -p bin/extras/completions
	$(GO) build -ldflags "-X github.com/dmwake/dmwake/harness/report.release=$(VERSION)" -o bin/extras/dmwake .
	bin/extras/dmwake man bin/extras/man1
	for shell in bash zsh fish powershell; do bin/extras/dmwake completion $$shell > bin/extras/completions/dmwake.$$shell || exit 1; done

.PHONY: release-check
release-check: ## check .goreleaser.yaml
	$(GORELEASER) check

.PHONY: release-snapshot
release-snapshot: ## build what a release has into bin/dist, without a tag, and check it
	@command -v syft >/dev/null || echo "NOT RUN: no SBOM, as syft is not on this machine"
	$(GORELEASER) release --snapshot --clean --skip=publish$$(command -v syft >/dev/null || echo ,sbom)
	$(GO) test ./harness/newcomer -count 1 -run TestArchives -dist $(CURDIR)/bin/dist

.PHONY: release-notes
release-notes: ## write the section of VERSION in CHANGELOG.md to bin/notes.md
	@mkdir -p bin && awk -v v="## $(VERSION:v%=%) " 'index($$0, v) == 1 {on = 1; next} /^## / {on = 0} on' CHANGELOG.md > bin/notes.md
	@grep -q . bin/notes.md || { echo "CHANGELOG.md has no section \"## $(VERSION:v%=%) - DATE\""; exit 1; }

.PHONY: image
image: ## build the container image, and see it get healthy, where a Docker daemon runs
	@if ! docker info >/dev/null 2>&1; then echo "NOT RUN: no Docker daemon runs on this machine"; exit 0; fi; set -ex; \
	docker build -t dmwake . ; docker run --rm dmwake version; docker run --rm dmwake test --area ENR,PFN; \
	id=$$(docker run -d dmwake lab); trap "docker rm -f $$id" EXIT; \
	for i in $$(seq 200); do if docker exec $$id /dmwake health; then exit 0; fi; done; docker logs $$id; exit 1

.PHONY: facts
facts: ## write harness/docs/facts.md: the tests that prove each protocol fact
	$(GO) run ./harness/facts/write > harness/docs/facts.md

.PHONY: fidelity
fidelity: ## print what each simulated Windows rests on, and write harness/docs/fidelity.md
	@$(GO) run ./harness/fidelity/write | tee harness/docs/fidelity.md

.PHONY: reference
reference: ## write harness/docs/reference: every command, key, scenario, code, fault and CSP, from the code
	$(GO) run ./harness/reference/write harness/docs/reference

.PHONY: shots
shots: ## make the pictures of harness/docs/shots with Debian's chromium
	$(GO) test -v ./harness/internal/shots -run TestMake -count 1 -timeout 10m -shots

# A kept generator, at a fixed version, outside of our module files.
HUGO := github.com/gohugoio/hugo@v0.164.0
SITE ?= $(CURDIR)/bin/site

.PHONY: site-pages
site-pages: ## make bin/site, without a check
	CGO_ENABLED=0 $(GO) run -ldflags=-s $(HUGO) --logLevel warn --source harness/site --destination $(SITE) --cleanDestinationDir --noBuildLock

.PHONY: site
site: site-pages ## make bin/site, a web site of harness/docs with a search box, and check its links
	$(GO) test ./harness/site -run 'TestSite/(links|terms)' -count 1 -args -site $(SITE)

.PHONY: site-test
site-test: site-pages ## make bin/site, and check its links, its search and its width in chromium
	$(GO) test -v ./harness/site -run TestSite -count 1 -args -site $(SITE)

DDF ?= $(wildcard ../shared/ddf/*.zip)

.PHONY: ddf
ddf: ## write the table of all CSPs from DDF=FILE.zip, Microsoft's DDF v2 files
	$(GO) run ./simulator/csp/ddf/generate simulator/csp/ddf/facts.bin $(DDF)

.PHONY: lint
lint: ## check format, vet and module files; run golangci-lint if installed
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not formatted:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) mod tidy -diff
	@if command -v golangci-lint >/dev/null; then golangci-lint run; else echo "golangci-lint is not installed, skipped"; fi

.PHONY: ci
ci: lint ## run what CI runs: lint, race tests, k6, fuzzing and the end-to-end run
	GOOS=windows $(GO) vet ./... # MDM servers are also written on Windows
	$(MAKE) test TESTFLAGS="-race -timeout 30m" PACKAGES=./... # more at a time would be too much with -race
	$(MAKE) k6
	$(MAKE) fuzz FUZZTIME=3000x
	$(MAKE) run
