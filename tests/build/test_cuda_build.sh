#!/bin/sh
# What nvcc made of kernels/cuda: which GPUs it is for, whether registers were enough, what the library needs and exports. Prints TAP.
# The build keeps what ptxas says of each kernel beside each object.
. tests/support/tap.sh
lib=$build/lib/libliax-cuda.so
logs=$build/obj/kernels/cuda
absent=
if [ "$sanitized" ]; then absent="CUDA is not built with sanitizers"
elif [ ! -e "$lib" ]; then absent="there is no CUDA compiler"; fi
built_case() { # test_case of what was built
    if [ "$absent" ]; then skip_case "$1" "$absent"; else test_case "$@"; fi
}

# ---- the text itself, which needs no compiler
launches() { ! grep -n '<<<\|__shared__' kernels/cuda/*.cu kernels/cuda/*.h | grep -v '#define\|\\$\|^kernels/cuda/cuda.h:'; }
test_case "kernels are launched and share memory only by macros that the emulator has, too" launches

# ---- ptxas: "Compiling entry function 'K' for 'sm_N'", then "... stack frame, A bytes spill stores, B bytes spill loads"
kernels() { cat "$logs"/*.cu.o.log | awk -F"'" '/Compiling entry function/ {k = $2 " " $4} /spill stores/ && k {split($0, w, " "); for (i in w) if (w[i] == "spill") b[w[i + 1]] = w[i - 2]; print k, b["stores,"] + b["loads"]; k = ""}'; }
same_kernels() {
    kernels >"$work/kernels"
    for arch in 75 80 86 89 90 100 120; do
        grep -q "compute_$arch" "$work/known" || continue
        grep -q " sm_$arch " "$work/kernels" || { echo "nothing for sm_$arch"; return 1; }
    done
    # every generation has every kernel that the oldest has
    awk '$2 == "sm_75" {print $1}' "$work/kernels" | sort -u >"$work/all"
    [ "$(wc -l <"$work/all")" -ge 15 ] || { echo "only $(wc -l <"$work/all") kernels for sm_75"; return 1; }
    for arch in $(awk '{print $2}' "$work/kernels" | sort -u); do
        awk -v a="$arch" '$2 == a {print $1}' "$work/kernels" | sort -u | comm -23 "$work/all" - | grep . && { echo "missing for $arch"; return 1; }
    done
    return 0
}
nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc "${CUDA_HOME:-/none}"/bin/nvcc build/cuda-toolkit/lib/python3*/site-packages/nvidia/cu*/bin/nvcc 2>/dev/null | head -1)
[ "$absent" ] || "$nvcc" --list-gpu-arch >"$work/known"
built_case "each generation of GPU that nvcc knows has each kernel" same_kernels
no_spills() {
    kernels >"$work/kernels"
    [ -s "$work/kernels" ] || { echo "ptxas said nothing"; return 1; }
    ! awk '$3 > 0 {print $1, "for", $2, "spills", $3, "bytes"; bad = 1} END {exit !bad}' "$work/kernels"
}
built_case "no kernel spills registers" no_spills

# ---- the library
needs_no_driver() { ! readelf -d "$lib" | grep NEEDED | grep -i 'cuda\|stdc++'; }
built_case "libliax-cuda.so needs neither a driver nor a runtime to be loaded" needs_no_driver
exports() { [ "$(nm -D --defined-only "$lib" | awk '{print $3}')" = liax_backend_v1 ]; }
built_case "it exports liax_backend_v1 alone" exports
echo "1..$count"
