# libliax: `make help` lists the targets.
#
# Everything is built below $(BUILD): lib/ (libliax.so, libliax.a, libliax-cuda.so, liax.pc, cmake/), bin/ (the programs), tests/, demo/.
# Sources are found by folder, so that a new file needs no edit here.

VERSION := $(shell sed -n 's/^.define LIAX_VERSION_STRING "\(.*\)"/\1/p' include/liax/version.h)
SOVERSION := 0

CC ?= cc
CXX ?= c++
AR ?= ar
OPT ?= -O2
KERNEL_OPT ?= -O3
PREFIX ?= /usr/local
INSTALL ?= install

# make SAN=address,undefined | thread: the same into a folder of its own
BUILD := build
ifneq ($(SAN),)
BUILD := $(if $(findstring thread,$(SAN)),build-tsan,build-san)
SAN_FLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
endif
ifneq ($(BUILD_DIR),)
BUILD := $(BUILD_DIR)
endif

TARGET := $(shell $(CC) -dumpmachine)
WARN := -Wall -Wextra -Wpedantic $(if $(WERROR),-Werror)
BASE := -std=c11 $(WARN) -g $(SAN_FLAGS) -Iinclude -MMD -MP
LIB_FLAGS := $(BASE) -fPIC -fvisibility=hidden -Ilib -Ikernels $(OPT)
# No contraction: one source gives one result on every machine. In kernels/x86 multiply-adds are written out.
KERNEL_FLAGS := $(LIB_FLAGS) $(KERNEL_OPT) -ffp-contract=off
X86_avx2 := -mavx2 -mfma -mf16c
X86_avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma
X86_avx512bf16 := $(X86_avx512) -mavx512bf16
LIBS := -lm -lpthread -ldl

MEDIA_PKGS := libavformat libavcodec libavutil libswscale libswresample libpng libjpeg jansson
MEDIA_CFLAGS = $(shell pkg-config --cflags $(MEDIA_PKGS))
MEDIA_LIBS = $(shell pkg-config --libs $(MEDIA_PKGS))
APT := build-essential pkg-config libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libswresample-dev libpng-dev \
       libjpeg-dev libjansson-dev libcmocka-dev

# ---- sources

CORE_SRC := $(wildcard lib/core/*.c)
LIB_SRC := $(CORE_SRC) $(wildcard lib/*.c lib/blocks/*.c lib/lia_x/*.c) $(wildcard kernels/*.c kernels/ref/*.c kernels/cpu/*.c)
ifneq ($(findstring x86_64,$(TARGET)),)
X86_SRC := $(wildcard kernels/x86/*.c)
LIB_SRC += $(X86_SRC)
endif
LIAX_SRC := $(wildcard examples/liax/*.c examples/media/*.c)
PORTRAIT_SRC := $(wildcard examples/portrait/*.c)
EVAL_SRC := $(wildcard examples/demo/*.c) $(filter-out %/liax_portrait.c,$(PORTRAIT_SRC))
TOOL_MAINS := $(wildcard weights-tools/liax-*.c)
TOOL_SRC := $(filter-out $(TOOL_MAINS),$(wildcard weights-tools/*.c))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB_OBJ := $(call obj,$(LIB_SRC))
TOOLS := $(patsubst weights-tools/%.c,$(BUILD)/bin/%,$(TOOL_MAINS))
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/bin/%,$(wildcard examples/*.c))
PROGRAMS := $(TOOLS) $(BUILD)/bin/liax $(EXAMPLES) $(BUILD)/bin/liax-portrait $(BUILD)/bin/liax-sheet $(BUILD)/bin/liax-eval-demo
INSTALLED := $(filter-out $(EXAMPLES) %/liax-sheet %/liax-eval-demo,$(PROGRAMS))

STATIC := $(BUILD)/lib/libliax.a
SHARED := $(BUILD)/lib/libliax.so

.PHONY: all lib deps demo eval-demo train-demo check test bench install uninstall clean help
.DELETE_ON_ERROR:

all: lib $(PROGRAMS)
lib: $(STATIC) $(SHARED) $(BUILD)/lib/pkgconfig/liax.pc $(BUILD)/lib/cmake/liax/liax-config.cmake

# ---- the library

$(BUILD)/obj/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(CC) $(LIB_FLAGS) $(CFLAGS) -c $< -o $@

# NAME_LEVEL.c with the instructions of its level
$(BUILD)/obj/kernels/x86/%.o: kernels/x86/%.c
	@mkdir -p $(@D)
	$(CC) $(KERNEL_FLAGS) $(X86_$(lastword $(subst _, ,$*))) $(CFLAGS) -c $< -o $@

$(BUILD)/obj/kernels/load.o: KERNEL_FLAGS += -DLX_LIBDIR='"$(PREFIX)/lib"'
$(BUILD)/obj/kernels/%.o: kernels/%.c
	@mkdir -p $(@D)
	$(CC) $(KERNEL_FLAGS) $(CFLAGS) -c $< -o $@

$(STATIC): $(LIB_OBJ)
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

$(SHARED).$(VERSION): $(LIB_OBJ) lib/liax.map
	@mkdir -p $(@D)
	$(CC) -shared $(SAN_FLAGS) $(LDFLAGS) -Wl,-soname,libliax.so.$(SOVERSION) -Wl,--version-script=lib/liax.map $(if $(SAN),,-Wl,-z,defs) -o $@ $(LIB_OBJ) $(LIBS)

$(SHARED): $(SHARED).$(VERSION)
	ln -sf libliax.so.$(VERSION) $(BUILD)/lib/libliax.so.$(SOVERSION)
	ln -sf libliax.so.$(SOVERSION) $@

include kernels/cuda/cuda.mk

# Both describe the place that they are installed to; in the build folder, the build folder.
define fill
	@mkdir -p $(2)
	sed -e 's|@PREFIX@|$(3)|g' -e 's|@INCLUDE@|$(4)|g' -e 's|@VERSION@|$(VERSION)|g' -e 's|@SOVERSION@|$(SOVERSION)|g' $(1) >$(2)/$(notdir $(basename $(1)))
endef

$(BUILD)/lib/pkgconfig/liax.pc: lib/liax.pc.in include/liax/version.h
	$(call fill,$<,$(@D),$(CURDIR)/$(BUILD),$(CURDIR)/include)

$(BUILD)/lib/cmake/liax/liax-config.cmake: lib/liax-config.cmake.in lib/liax-config-version.cmake.in include/liax/version.h
	$(call fill,lib/liax-config-version.cmake.in,$(@D),$(CURDIR)/$(BUILD),$(CURDIR)/include)
	$(call fill,$<,$(@D),$(CURDIR)/$(BUILD),$(CURDIR)/include)

# ---- the programs

$(BUILD)/obj/weights-tools/%.o: weights-tools/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(OPT) -Ilib -Ikernels -I. $(CFLAGS) -c $< -o $@

$(BUILD)/obj/examples/%.o: examples/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(OPT) -Iexamples $(MEDIA_CFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/obj/examples/portrait/%.o: examples/portrait/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) -O3 -ffp-contract=off -Iexamples $(CFLAGS) -c $< -o $@

$(TOOLS): $(BUILD)/bin/%: $(BUILD)/obj/weights-tools/%.o $(call obj,$(TOOL_SRC)) $(STATIC)
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -ljansson

# liax, as any user's program, finds the shared library beside it
$(BUILD)/bin/liax: $(call obj,$(LIAX_SRC)) $(SHARED)
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $(call obj,$(LIAX_SRC)) -L$(BUILD)/lib -lliax -Wl,-rpath,'$$ORIGIN/../lib' $(MEDIA_LIBS) $(LIBS)

$(EXAMPLES): $(BUILD)/bin/%: $(BUILD)/obj/examples/%.o $(SHARED)
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $< -L$(BUILD)/lib -lliax -Wl,-rpath,'$$ORIGIN/../lib' $(LIBS)

$(BUILD)/bin/liax-portrait: $(call obj,$(PORTRAIT_SRC))
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lpng $(LIBS)

$(BUILD)/bin/liax-sheet: $(BUILD)/obj/examples/sheet/liax_sheet.o
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lpng $(LIBS)

$(BUILD)/bin/liax-eval-demo: $(call obj,$(EVAL_SRC)) $(SHARED)
	@mkdir -p $(@D)
	$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $(call obj,$(EVAL_SRC)) -L$(BUILD)/lib -lliax -Wl,-rpath,'$$ORIGIN/../lib' $(LIBS)

# ---- the demo: our own model, on drawn people

DEMO_MODEL := $(BUILD)/demo/demo.liax
$(DEMO_MODEL): $(wildcard examples/demo/demo.safetensors examples/demo/controls.json) $(BUILD)/bin/liax-convert $(BUILD)/bin/liax-synth
	@mkdir -p $(@D)
	@rm -f $@
ifneq ($(wildcard examples/demo/demo.safetensors),)
	$(BUILD)/bin/liax-convert examples/demo/demo.safetensors $@ --controls examples/demo/controls.json --license "MIT, as libliax" --source "libliax demo model"
else
	$(BUILD)/bin/liax-synth --size 128 --scale 0.125 --motions 40 $@
endif

# CUDA=no: kernels for all generations of GPUs take longer to compile than all else.
demo: deps ## draw a portrait and a driver, animate one by the other: pictures in build/demo
	@$(MAKE) --no-print-directory -s all $(DEMO_MODEL) CUDA=no
	@examples/demo/demo.sh $(BUILD)

# Goes on training from the shipped weights (weights-tools/train/README.md); the shared library feeds it with drawings.
PYTHON ?= python3
TRAIN_SECONDS ?= 3600
$(BUILD)/libportrait_draw.so: $(filter-out %/liax_portrait.c,$(PORTRAIT_SRC)) $(wildcard examples/portrait/*.h)
	@mkdir -p $(@D)
	$(CC) -std=c11 -O3 -ffp-contract=off -fPIC -shared -o $@ $(filter %.c,$^) -lm

train-demo: $(BUILD)/libportrait_draw.so ## train the demo model further; PYTHON=venv/bin/python TRAIN_SECONDS=3600
	cd weights-tools/train && PORTRAIT_LIBRARY=$(CURDIR)/$< MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_ARENA_MAX=1 \
	    $(PYTHON) train.py --weights ../../examples/demo/demo.safetensors --run $(CURDIR)/$(BUILD)/train --seconds $(TRAIN_SECONDS) \
	    --still 1 --pairs 4 --lr 2e-3 --encoder-rate 0.3 --picture-rate 1.2 --sharp 6 --same-pose 0.35 --place 20

SEED ?= 1
eval-demo: all $(DEMO_MODEL) ## measure the demo model on people that it never saw; SEED=n
	$(BUILD)/bin/liax-eval-demo $(DEMO_MODEL) --seed $(SEED)

# ---- what must be installed first

# Without these libraries the programs cannot be built; the library itself can: make lib.
.PHONY: have-libraries
have-libraries:
	@pkg-config --exists $(MEDIA_PKGS) 2>/dev/null || { echo "Missing libraries: run \`make deps\` as root, or"; echo "  sudo apt-get install -y $(APT)"; exit 1; }
$(call obj,$(LIAX_SRC) $(PORTRAIT_SRC) $(TOOL_SRC) $(TOOL_MAINS)): | have-libraries

deps: ## install what is missing (Debian, Ubuntu), or print the line that does
	@if pkg-config --exists $(MEDIA_PKGS) cmocka 2>/dev/null && command -v $(CC) >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y $(APT); \
	else echo "Missing libraries. Install them with:"; echo "  sudo apt-get install -y $(APT)"; exit 1; fi

install: lib $(PROGRAMS) ## DESTDIR and PREFIX say where
	$(INSTALL) -d $(addprefix $(DESTDIR)$(PREFIX)/,bin include/liax lib)
	$(INSTALL) -m 644 include/liax/*.h $(DESTDIR)$(PREFIX)/include/liax
	$(INSTALL) -m 644 $(STATIC) $(DESTDIR)$(PREFIX)/lib
	$(INSTALL) -m 755 $(SHARED).$(VERSION) $(DESTDIR)$(PREFIX)/lib
	ln -sf libliax.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libliax.so.$(SOVERSION)
	ln -sf libliax.so.$(SOVERSION) $(DESTDIR)$(PREFIX)/lib/libliax.so
	$(if $(CUDA_LIB),$(INSTALL) -D -m 755 $(CUDA_LIB) $(DESTDIR)$(PREFIX)/lib/liax/libliax-cuda.so)
	$(INSTALL) -m 755 $(INSTALLED) $(DESTDIR)$(PREFIX)/bin
	$(call fill,lib/liax.pc.in,$(DESTDIR)$(PREFIX)/lib/pkgconfig,$(PREFIX),$(PREFIX)/include)
	$(call fill,lib/liax-config.cmake.in,$(DESTDIR)$(PREFIX)/lib/cmake/liax,$(PREFIX),$(PREFIX)/include)
	$(call fill,lib/liax-config-version.cmake.in,$(DESTDIR)$(PREFIX)/lib/cmake/liax,$(PREFIX),$(PREFIX)/include)

uninstall: ## the same PREFIX and DESTDIR as install
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(notdir $(INSTALLED))) $(DESTDIR)$(PREFIX)/lib/libliax.* $(DESTDIR)$(PREFIX)/lib/pkgconfig/liax.pc
	rm -rf $(DESTDIR)$(PREFIX)/include/liax $(DESTDIR)$(PREFIX)/lib/cmake/liax $(DESTDIR)$(PREFIX)/lib/liax

clean:
	rm -rf build build-san build-tsan build-clang

-include tests/tests.mk
-include tests/gpu/gpu.mk

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1: \2/p' Makefile tests/tests.mk tests/gpu/gpu.mk kernels/cuda/cuda.mk | awk -F': ' '{printf "  make %-12s %s\n", $$1, $$2}'

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
