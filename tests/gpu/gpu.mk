# What runs on a GPU: the tests and benchmarks with all that they need in one folder, $(BUILD)/gpu, which may be carried to a machine
# that has a GPU but neither compilers nor libraries. There, in a copy of the sources: tests/gpu/check.sh FOLDER, tests/gpu/bench.py
# FOLDER. $(BUILD)/gpu-emulated is the same on the emulated device, so that nothing of it is first tried on a GPU.

GPU := $(BUILD)/gpu
GPU_EMULATED := $(BUILD)/gpu-emulated
GPU_TESTS := $(filter %/test_goldens,$(TEST_BIN)) $(filter $(BUILD)/tests/api/test_cuda_%,$(TEST_BIN))
BENCH_LAYERS := bench_layers bench_device second_opinion vendor
GPU_TOOLS := $(BUILD)/bin/liax-convert $(BUILD)/bin/liax-synth $(BUILD)/tests/gpu/device_facts

$(BUILD)/tests/gpu/device_facts: $(call obj,tests/gpu/device_facts.c) $(STATIC)
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Programs into bin, libraries into lib, and beside them those that a bare system lacks.
define stage # stage FOLDER PROGRAMS
	@mkdir -p $(1)/bin $(1)/lib $(1)/tests
	cp -f $(2) $(1)/bin
	cp -f $$(ldd $(1)/bin/* | awk '/lib(cmocka|png|z|jansson)[.0-9]*so/ {print $$3}' | sort -u) $(1)/lib
	cp -fL $(SHARED) $(1)/lib/libliax.so
	@mkdir -p $(1)/tests/bench
	cp -f $(BUILD)/tests/bench/probe $(1)/tests/bench
endef

.PHONY: gpu-tests gpu-tests-emulated gpu-check gpu-bench
ifneq ($(NVCC),)
REAL_KERNELS := $(filter %.cu.o,$(CUDA_OBJ))
$(BUILD)/obj/gpu/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -fPIC -Itests/check -isystem $(CUDA_ROOT)/include $(CFLAGS) -c $< -o $@

$(BUILD)/tests/gpu/test_cuda_kernels: $(subst $(BUILD)/obj/emulated/tests/emulator,$(BUILD)/obj/gpu/emulator,$(COMPARATOR)) $(REAL_KERNELS) $(STATIC)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(CUDART) -lcmocka $(LIBS) -lrt

$(BUILD)/tests/gpu/libcuda-calls.so: $(BUILD)/obj/gpu/gpu/cuda_calls.o
	@mkdir -p $(@D)
	$(CC) -shared $(LDFLAGS) -o $@ $< $(CUDART) $(LIBS) -lrt

$(BUILD)/tests/gpu/bench_layers: $(patsubst %,$(BUILD)/obj/gpu/gpu/%.o,$(BENCH_LAYERS)) $(REAL_KERNELS) $(STATIC)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(CUDART) $(LIBS) -lrt

gpu-tests: $(GPU_TESTS) $(GPU_TOOLS) $(BUILD)/tests/gpu/bench_layers $(BUILD)/tests/bench/probe $(BUILD)/tests/gpu/test_cuda_kernels $(BUILD)/tests/gpu/libcuda-calls.so $(CUDA_LIB) $(SHARED)
	$(call stage,$(GPU),$(GPU_TESTS) $(GPU_TOOLS) $(BUILD)/tests/gpu/bench_layers $(BUILD)/tests/gpu/test_cuda_kernels)
	cp -f $(CUDA_LIB) $(BUILD)/tests/gpu/libcuda-calls.so $(GPU)/lib
endif

# on the emulated library's names, which it exports
$(GPU_EMULATED)/lib/libcuda-calls.so: $(call emulated,tests/gpu/cuda_calls.c) $(EMULATED_LIB)
	@mkdir -p $(@D)
	$(CC) -shared $(SAN_FLAGS) $(LDFLAGS) -o $@ $< -L$(dir $(EMULATED_LIB)) -l:libliax-cuda.so -Wl,-rpath,'$$ORIGIN'

# with what the fakes' kernel needs of the device
$(BUILD)/tests/emulator/bench_layers: $(call emulated,$(BENCH_LAYERS:%=tests/gpu/%.c)) $(EMULATED_KERNELS) $(EMULATOR_OBJ) $(STATIC)
	@mkdir -p $(@D)
	$(CXX) $(SAN_FLAGS) $(LDFLAGS) -Wl,--export-dynamic-symbol='*lx_emu_*' -o $@ $^ $(LIBS)

# cuDNN and cuBLASLt as bench_layers looks for them: one library by both names
FAKES := $(addprefix $(BUILD)/tests/emulator/fakes/,libcudnn.so.9 libcublasLt.so.13)
$(FAKES): $(call emulated,tests/emulator/fake_vendor.c tests/emulator/fake_product.cpp)
	@mkdir -p $(@D)
	$(CXX) -shared $(SAN_FLAGS) $(LDFLAGS) -o $@ $^

gpu-tests-emulated: $(GPU_TESTS) $(GPU_TOOLS) $(BUILD)/tests/emulator/bench_layers $(FAKES) $(BUILD)/tests/bench/probe $(BUILD)/tests/emulator/test_cuda_kernels $(EMULATED_LIB) $(GPU_EMULATED)/lib/libcuda-calls.so $(SHARED)
	$(call stage,$(GPU_EMULATED),$(GPU_TESTS) $(GPU_TOOLS) $(BUILD)/tests/emulator/bench_layers $(BUILD)/tests/emulator/test_cuda_kernels)
	cp -f $(EMULATED_LIB) $(GPU_EMULATED)/lib

ifneq ($(EMULATED_LIB),)
tests-built: gpu-tests-emulated # for tests/build/test_gpu_commands.sh
endif

# Either is over ten minutes after make began, if there is time left once all is built.
ifneq ($(filter gpu-check gpu-bench,$(MAKECMDGOALS)),)
GPU_BEGAN := $(shell date +%s)
endif
GPU_LEFT = $$((570 + $(GPU_BEGAN) - $$(date +%s)))

gpu-check: $(if $(NVCC),gpu-tests) ## every test that a GPU runs, on this machine's; ends with "N passed, N failed, N skipped"
	@GPU_SECONDS=$${GPU_SECONDS:-$(GPU_LEFT)} tests/gpu/check.sh $(GPU)

gpu-bench: $(if $(NVCC),gpu-tests) ## frames, layers and peers on this machine's GPU: JSON and a table; what is not measured stays blank
	$(PYTHON) tests/gpu/bench.py $(GPU) --seconds $(GPU_LEFT) $(BENCH_ARGS)
