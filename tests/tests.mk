# Tests: every tests/<folder>/test_*.c is a program of cmocka tests, every tests/<folder>/test_*.sh a script that prints TAP.

SUPPORT_SRC := $(wildcard tests/support/*.c)
CHECK_SRC := $(wildcard tests/check/check*.c)
TEST_SRC := $(wildcard tests/*/test_*.c)
TEST_BIN := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SRC))
TEST_SH := $(wildcard tests/*/test_*.sh)
TEST_CFLAGS := $(BASE) -O1 -Ilib -Ikernels -Iweights-tools -Itests -Iexamples -I.

# The 16-lane kernels on pairs of 8 lanes, so that their text runs on any machine with AVX2 (kernels/x86/simd.h).
ifneq ($(X86_SRC),)
PAIRS_OBJ := $(patsubst %.c,$(BUILD)/obj/pairs/%.o,$(filter-out %/peak_avx512.c,$(filter %_avx512.c,$(X86_SRC))))
endif

$(BUILD)/obj/pairs/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(KERNEL_FLAGS) $(X86_avx2) -DLX_SIMD_PAIRS $(CFLAGS) -c $< -o $@

$(BUILD)/obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $(CFLAGS) -c $< -o $@

# what a folder's programs need beside the library
$(BUILD)/tests/check/%: EXTRA = $(call obj,$(CHECK_SRC)) $(PAIRS_OBJ)
$(BUILD)/tests/tools/%: EXTRA = $(call obj,$(TOOL_SRC))
$(BUILD)/tests/portrait/%: EXTRA = $(call obj,$(filter-out %/liax_portrait.c,$(PORTRAIT_SRC)))
$(filter $(BUILD)/tests/check/%,$(TEST_BIN)): $(call obj,$(CHECK_SRC)) $(PAIRS_OBJ)
$(filter $(BUILD)/tests/tools/%,$(TEST_BIN)): $(call obj,$(TOOL_SRC))
$(filter $(BUILD)/tests/portrait/%,$(TEST_BIN)): $(call obj,$(filter-out %/liax_portrait.c,$(PORTRAIT_SRC)))

$(TEST_BIN): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(call obj,$(SUPPORT_SRC)) $(STATIC)
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $(filter-out $(STATIC),$^) $(STATIC) -lcmocka -lpng -ljansson $(LIBS)

REPLAY := $(BUILD)/tests/fuzz/replay_container $(BUILD)/tests/fuzz/replay_checkpoint $(BUILD)/tests/fuzz/replay_motion
$(BUILD)/tests/fuzz/replay_motion: $(call obj,$(filter examples/liax/motion_%.c %/media_target.c,$(LIAX_SRC)))
$(REPLAY): $(BUILD)/tests/fuzz/replay_%: $(BUILD)/obj/tests/fuzz/replay.o $(BUILD)/obj/tests/fuzz/fuzz_%.o $(call obj,$(TOOL_SRC)) $(STATIC)
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -ljansson -lavutil $(LIBS)

include tests/emulator/emulator.mk

.PHONY: tests-built fuzz check-avx512
tests-built: $(TEST_BIN) $(EMULATED_TESTS) $(EMULATED_LIB) $(REPLAY) $(BUILD)/tests/check/bench_kernels

$(BUILD)/tests/check/bench_kernels: $(call obj,tests/check/bench_kernels.c examples/liax/bandwidth.c $(CHECK_SRC)) $(PAIRS_OBJ) $(STATIC)
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

SECONDS_EACH ?= 60
fuzz: all ## libFuzzer on the readers of files (clang), SECONDS_EACH=60
	tests/fuzz/fuzz.sh $(SECONDS_EACH)

test: all tests-built ## the tests of one build
	tests/run.sh $(BUILD) $(TEST_BIN) $(EMULATED_TESTS) $(TEST_SH)

# tests/build/test_aarch64.sh is skipped where these are not; 39 MB to fetch, so that only make check asks for them.
.PHONY: deps-aarch64
deps-aarch64:
	@command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user; } || true

# Everything that must hold before a change goes in: all tests; all of it again under ASan and UBSan; clang without a warning.
check: deps deps-aarch64 ## every test, with sanitizers and both compilers; ends with "N passed, N failed"
	@tests/check.sh $(MAKE)

check-avx512: $(BUILD)/tests/check/test_kernels $(BUILD)/tests/model/test_goldens $(BUILD)/bin/liax-convert ## the tests of AVX-512, emulated (over half an hour) where the processor lacks it
	tests/build/check_avx512.sh $(BUILD)

# Speed, for docs/performance.md: JSON, tables and plots in build/bench. BENCH_ARGS go to tests/bench/bench.py and peers.py, whose
# --help lists them: BENCH_ARGS='--scale 1 --threads 1'.
$(BUILD)/tests/bench/probe: tests/bench/probe.c
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARN) -O3 $(CFLAGS) -o $@ $< -lpthread

bench: all $(BUILD)/tests/check/bench_kernels $(BUILD)/tests/bench/probe ## time kernels, layers and frames on this machine
	LIAX_BUILD=$(BUILD) $(PYTHON) tests/bench/bench.py $(BENCH_ARGS)

.PHONY: bench-peers
PEERS := $(BUILD)/venv-peers
$(PEERS)/ready: tests/bench/requirements.txt
	python3 -m venv $(PEERS)
	$(PEERS)/bin/pip install -q -r $<
	touch $@

bench-peers: all $(BUILD)/tests/bench/probe $(PEERS)/ready ## frames beside PyTorch, ONNX Runtime, OpenVINO and ncnn (fetched into build/venv-peers)
	LIAX_BUILD=$(BUILD) $(PEERS)/bin/python tests/bench/peers.py $(BENCH_ARGS)
