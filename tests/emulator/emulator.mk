# The text of kernels/cuda for the CPU (cuda_emulator.h), as a library for tests of the public interface and as levels of the
# comparator. ASan knows its fibers, TSan does not.

EMULATE := -g $(WARN) $(SAN_FLAGS) -O2 -ffp-contract=off -fPIC -DLX_EMULATE -DLX_CONV_BLOCKS=12 -DLX_CONV_BAND=8192 -Itests/emulator -Iinclude -Ilib -Ikernels -MMD -MP
emulated = $(patsubst %,$(BUILD)/obj/emulated/%.o,$(basename $(1)))
EMULATOR_OBJ := $(call emulated,$(wildcard tests/emulator/cuda_emulator*.cpp))
EMULATED_KERNELS := $(call emulated,$(wildcard kernels/cuda/*.cu))

$(BUILD)/obj/emulated/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) -std=c++17 $(EMULATE) -O3 $(CXXFLAGS) -c $< -o $@

$(BUILD)/obj/emulated/%.o: %.cu
	@mkdir -p $(@D)
	$(CXX) -std=c++17 $(EMULATE) $(CXXFLAGS) -x c++ -c $< -o $@

$(BUILD)/obj/emulated/%.o: %.c
	@mkdir -p $(@D)
	$(CC) -std=c11 $(EMULATE) -Itests/check -Itests -fvisibility=hidden $(CFLAGS) -c $< -o $@

ifeq ($(findstring thread,$(SAN)),)
EMULATED_TESTS := $(patsubst tests/%.cpp,$(BUILD)/tests/%,$(wildcard tests/emulator/test_*.cpp)) $(BUILD)/tests/emulator/test_cuda_kernels
EMULATED_LIB := $(BUILD)/tests/emulator/libliax-cuda.so
endif

$(BUILD)/tests/emulator/test_%: $(BUILD)/obj/emulated/tests/emulator/test_%.o $(EMULATOR_OBJ)
	@mkdir -p $(@D)
	$(CXX) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lcmocka

# the comparator with the kernels as its levels
COMPARATOR := $(filter-out %/check_levels.o,$(call obj,$(CHECK_SRC))) $(BUILD)/obj/tests/check/test_kernels.o $(BUILD)/obj/emulated/tests/emulator/check_levels_cuda.o
$(BUILD)/tests/emulator/test_cuda_kernels: $(COMPARATOR) $(EMULATED_KERNELS) $(EMULATOR_OBJ) $(STATIC)
	@mkdir -p $(@D)
	$(CXX) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# what nvcc makes for GPUs, by the same names: LiaxModelOptions.backend_dir chooses
$(EMULATED_LIB): $(call emulated,$(wildcard kernels/cuda/*.c)) $(EMULATED_KERNELS) $(EMULATOR_OBJ) $(call obj,$(CORE_SRC)) tests/emulator/emulator.map
	@mkdir -p $(@D)
	$(CXX) -shared $(SAN_FLAGS) $(LDFLAGS) -Wl,--version-script=tests/emulator/emulator.map -o $@ $(filter %.o,$^) $(LIBS)
