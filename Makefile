# Three doors; everything behind them is `cargo xtask` (see `cargo xtask --help`).
#   make run [ARGS="--once --user-data FILE"]    make test    make image [VARIANT=standalone]
VARIANT ?= standalone
ARGS ?=

.PHONY: run test image cc
run: cc
	cargo xtask run --variant $(VARIANT) $(ARGS)
test: cc
	cargo xtask test $(ARGS)
image: cc
	cargo xtask image --variant $(VARIANT) $(ARGS)

# The one thing xtask cannot install for itself: what cargo links it with.
cc:
	@command -v cc >/dev/null || { apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev; }
