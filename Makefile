# Two commands are enough: `make run` and `make test`. Both need Rust and a C compiler, and say so if
# something is missing; everything else is part of the build.

CARGO ?= cargo

# The oldest Rust that will do; `rust-version` of Cargo.toml.
RUST := 1.91

.PHONY: run test bench pictures install need terminal
.DEFAULT_GOAL := run

# Opens the console on a running demo: an orchestrator, agents that work through it, and an incident. The first time
# it builds for some minutes.
run: terminal need
	$(CARGO) build --release
	@$(CARGO) run --release --quiet -- demo

# Format check, lints, documentation, every test. A Rust without rustfmt or clippy says so and does the rest, and so does
# a machine without the programs that examples of the README call; where CI is set, their tests fail.
test: need
	@if $(CARGO) fmt --version >/dev/null 2>&1; then echo "$(CARGO) fmt --check"; $(CARGO) fmt --check; \
	  else echo "not checked: the format (rustup component add rustfmt)"; fi
	@if $(CARGO) clippy --version >/dev/null 2>&1; then echo "$(CARGO) clippy"; $(CARGO) clippy --quiet --all-targets -- -D warnings; \
	  else echo "not checked: the lints (rustup component add clippy)"; fi
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps --document-private-items
	@for tool in curl jq python3; do \
	  command -v $$tool >/dev/null || echo "not checked: examples that call $$tool (it is not installed)"; done
	$(CARGO) test --quiet

# Every figure as a ratio to a bare baseline of the same run; fails when a goal is missed that must hold.
bench: need
	$(CARGO) bench --quiet

# Draws the pictures in screenshots/ anew from the program; the tests compare with them.
pictures: need
	UPDATE=1 $(CARGO) test --quiet --test screens

# Puts `seam` on the PATH.
install: need
	$(CARGO) install --path . --locked

# What has to be there before cargo can work, each with what to do about it.
need:
	@command -v $(CARGO) >/dev/null || { \
	  echo "cargo is missing: Seamwatch is built with Rust $(RUST) or newer. Install it from https://rustup.rs, open a new terminal, and run make again." >&2; \
	  exit 1; }
	@found=$$(rustc --version | cut -d ' ' -f 2); minor=$$(echo "$$found" | cut -d . -f 2); \
	  [ "$${minor:-0}" -ge "$(RUST:1.%=%)" ] || { \
	  echo "Rust $${found:-of an unknown version} is too old: Seamwatch is built with $(RUST) or newer. Run: rustup update stable" >&2; \
	  exit 1; }
	@command -v cc >/dev/null || { \
	  echo "A C compiler is missing; the embedded SQLite needs it. Run: apt-get install build-essential (Debian, Ubuntu) or xcode-select --install (macOS)" >&2; \
	  exit 1; }

# The console draws on a terminal; better said now than after minutes of building.
terminal:
	@[ -t 0 ] && [ -t 1 ] || { \
	  echo "make run opens a console, and this is no terminal. Without one: $(CARGO) run --release -- demo --headless, and seam get --help" >&2; \
	  exit 1; }
