# SPDX-License-Identifier: GPL-2.0-or-later
# The front door. The build itself is meson's; packagers use that directly.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BUILD := build
SUMUN := $(BUILD)/src/cli/sumun
IFACE :=
CONF :=
TESTS_ENV = env CI="$$CI" FUZZ_SECONDS="$${FUZZ_SECONDS:-15}" KERNEL="$$KERNEL" MODULES="$$MODULES"

.PHONY: deps deps-check deps-bench all run check check-unit check-bpf check-net check-fuzz \
	check-kernel check-lint bench fuzz disasm install uninstall clean help
.DEFAULT_GOAL := all
.NOTPARALLEL: # packages first, then what they build

deps: ## install what the build needs (Debian packages)
	@data/install-packages $(SUDO) data/packages-build.txt

deps-check: deps
	@data/install-packages $(SUDO) data/packages-check.txt

deps-bench: deps
	@data/install-packages $(SUDO) bench/packages.txt

$(BUILD)/build.ninja:
	@meson setup $(BUILD) -Dwerror=true -Dtests=false >/dev/null

# The tests need more packages than the program, so they join the build when asked for.
$(BUILD)/.with-tests: | $(BUILD)/build.ninja
	@meson configure $(BUILD) -Dtests=true && touch $@

all: $(BUILD)/build.ninja ## build; what is up to date is not built again
	@ninja -C $(BUILD) --quiet

run: deps all ## guard an interface until Ctrl-C: make run [IFACE=eth1] [CONF=FILE]
	$(SUDO) $(SUMUN) run $(if $(CONF),-c $(CONF)) $(IFACE)

check: deps-check $(BUILD)/.with-tests all ## build and run every test tier
	@$(SUDO) $(TESTS_ENV) tests/run --build $(BUILD)

check-lint check-unit check-bpf check-net check-fuzz check-kernel: check-%: deps-check $(BUILD)/.with-tests all # one tier
	@$(SUDO) $(TESTS_ENV) tests/run --build $(BUILD) $*

bench: deps-bench ## measure against the floor and the peers; writes bench/results/
	@[ -f build-bench/build.ninja ] || meson setup build-bench -Dbench=true -Dtests=false --buildtype=release >/dev/null
	@ninja -C build-bench --quiet
	$(SUDO) bench/run --build build-bench

fuzz: deps-check ## fuzz every parser: make fuzz [SECONDS=600]
	tests/fuzz/run $(or $(SECONDS),60)

disasm: all ## the kernel side's instructions, with source lines
	@llvm-objdump -d -S --no-show-raw-insn $$(ls $(BUILD)/src/*/*.unlinked.bpf.o | grep -v _plain)

install: all ## install to /usr/local (meson: -Dprefix)
	$(SUDO) meson install -C $(BUILD) --no-rebuild

uninstall: ## take away what install put there
	$(SUDO) ninja -C $(BUILD) uninstall

clean: ## remove everything that was built
	rm -rf build build-bench build-fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
