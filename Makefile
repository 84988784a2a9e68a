# Two commands are enough: `make run` and `make test`. Both need Rust and a C compiler, and say so if
# something is missing; everything else is part of the build.

CARGO ?= cargo

.PHONY: run test bench pictures install need
.DEFAULT_GOAL := run

# Opens the console on a running demo: an orchestrator, agents that work through it, and an incident.
run: need
	$(CARGO) run --release --quiet -- demo

# Format check, lints, documentation, every test.
test: need
	$(CARGO) fmt --check
	$(CARGO) clippy --quiet --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps
	$(CARGO) test --quiet

# Every figure as a ratio to a bare baseline of the same run.
bench: need
	$(CARGO) bench --quiet

# Draws the pictures in screenshots/ anew from the program; the tests compare with them.
pictures: need
	UPDATE=1 $(CARGO) test --quiet --test screens

# Puts `seam` on the PATH.
install: need
	$(CARGO) install --path . --locked

need:
	@command -v $(CARGO) >/dev/null || { echo "Seamwatch is built with Rust 1.91 or newer: install it from https://rustup.rs and run make again."; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is needed for the embedded SQLite: apt-get install build-essential (Debian, Ubuntu) or xcode-select --install (macOS)."; exit 1; }
