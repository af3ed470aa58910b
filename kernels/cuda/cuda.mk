# libliax-cuda.so, where there is a CUDA compiler: nvcc in CUDA_HOME, on PATH, or where `make cuda-toolkit` puts it. CUDA=no: without;
# CUDA_ARCHS=90: for one generation of GPUs alone, in a fraction of the time. Not with sanitizers, nor for another processor than this.
# The CUDA runtime is linked statically and finds the driver when it is used, so that the library loads on any machine.

CUDA_WHEELS := build/cuda-toolkit
ifeq ($(CUDA),no)
NVCC :=
else ifeq ($(SAN)$(findstring -san,$(BUILD))$(if $(findstring $(shell uname -m),$(TARGET)),,another),)
NVCC ?= $(firstword $(wildcard $(CUDA_HOME)/bin/nvcc) $(shell command -v nvcc) $(wildcard $(CUDA_WHEELS)/lib/python3*/site-packages/nvidia/cu*/bin/nvcc))
endif

CUDA_SRC := $(wildcard kernels/cuda/*.c kernels/cuda/*.cu)

ifneq ($(NVCC),)
CUDA_ROOT := $(abspath $(dir $(realpath $(NVCC)))/..)
CUDART := $(firstword $(wildcard $(CUDA_ROOT)/lib64/libcudart_static.a $(CUDA_ROOT)/lib/libcudart_static.a $(CUDA_ROOT)/targets/*/lib/libcudart_static.a /usr/lib/*/libcudart_static.a))
# Machine code for each generation that this nvcc knows, and portable code of the newest for those to come.
CUDA_ARCHS ?= $(filter 75 80 86 89 90 100 120,$(patsubst sm_%,%,$(shell $(NVCC) --list-gpu-code)))
comma := ,
GENCODE := $(foreach a,$(CUDA_ARCHS),-gencode arch=compute_$(a),code=sm_$(a)) -gencode arch=compute_$(lastword $(CUDA_ARCHS)),code=compute_$(lastword $(CUDA_ARCHS))
NVCC_FLAGS := -std=c++17 -O3 $(GENCODE) --threads 0 -Xcompiler=-fPIC,-fvisibility=hidden,-fno-threadsafe-statics,-Wall,-Wextra$(if $(WERROR),$(comma)-Werror) -Iinclude -Ilib -Ikernels

CUDA_LIB := $(BUILD)/lib/libliax-cuda.so
CUDA_OBJ := $(patsubst %,$(BUILD)/obj/%.o,$(CUDA_SRC)) $(call obj,$(CORE_SRC))
lib: $(CUDA_LIB)

$(BUILD)/obj/kernels/cuda/%.cu.o: kernels/cuda/%.cu
	@mkdir -p $(@D)
	$(NVCC) $(NVCC_FLAGS) -Xptxas=-v -MMD -MP -c $< -o $@ >$@.log 2>&1 || { cat $@.log >&2; exit 1; } # read by tests/build/test_cuda_build.sh

$(BUILD)/obj/kernels/cuda/%.c.o: kernels/cuda/%.c
	@mkdir -p $(@D)
	$(CC) $(LIB_FLAGS) $(CFLAGS) -isystem $(CUDA_ROOT)/include -c $< -o $@

# nodelete: the runtime's and the driver's threads and exit handlers outlive a model
$(CUDA_LIB): $(CUDA_OBJ) kernels/cuda/cuda.map
	@mkdir -p $(@D)
	$(CC) -shared $(LDFLAGS) -Wl,-soname,libliax-cuda.so -Wl,--version-script=kernels/cuda/cuda.map -Wl,-z,defs,-z,nodelete -o $@ $(CUDA_OBJ) $(CUDART) $(LIBS) -lrt
endif

.PHONY: cuda-toolkit
cuda-toolkit: ## fetch a CUDA compiler (pip's wheels) into build/cuda-toolkit, where make finds it
	python3 -m venv $(CUDA_WHEELS)
	$(CUDA_WHEELS)/bin/pip install -q "nvidia-cuda-nvcc==13.*" "nvidia-cuda-runtime==13.*" "nvidia-cuda-crt==13.*" "nvidia-nvvm==13.*" "nvidia-cuda-cccl==13.*"
