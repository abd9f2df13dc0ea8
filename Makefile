# The commands of README.md. Everything is built into the user's cache folder, shared by all checkouts.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hangar
export CARGO_TARGET_DIR := $(CACHE)/target
HANGAR := $(CARGO_TARGET_DIR)/release/hangar

.PHONY: run build plugins test bench fmt check tools

## run: starts Hangar with a local PostgreSQL in ./hangar_data and the example hook
run: build
	$(HANGAR) serve --dev --dir ./hangar_data --hooks examples/quickstart/pb_hooks

## build: the components and the binary that embeds them
build: plugins
	cargo build --release --locked

plugins: tools
	scripts/build-plugins

## test: everything CI runs
test: tools
	scripts/test

## bench: Hangar, PocketBase and the floor on this machine
bench: build
	node bench/run.mjs

fmt:
	cargo fmt --all

tools:
	@scripts/check-tools
