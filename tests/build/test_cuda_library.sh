#!/bin/sh
# Where libliax-cuda.so is looked for, and what it says on a machine without a driver. Prints TAP.
. tests/support/tap.sh

# ---- places: the emulated library stands for the real one; bin/liax finds libliax.so in ../lib
emulated=$(cd "$build" && pwd)/tests/emulator/libliax-cuda.so
mkdir -p "$work/bin" "$work/lib/liax" "$work/elsewhere"
cp "$build/bin/liax" "$work/bin/" && cp -L "$build/lib/libliax.so.0" "$work/lib/"
found() { "$work/bin/liax" devices | tee /dev/stderr | grep -q "Emulated GPU 0"; }
in_place() { # in_place FOLDER: found there, and not found any more when it is gone
    cp "$emulated" "$1/libliax-cuda.so" && found || return 1
    rm "$1/libliax-cuda.so"
    ! found
}
if [ -e "$emulated" ] && [ ! -e /usr/local/lib/liax/libliax-cuda.so ]; then
    test_case "found beside libliax.so" in_place "$work/lib"
    test_case "found in liax/ beside libliax.so" in_place "$work/lib/liax"
    cp "$emulated" "$work/elsewhere/libliax-cuda.so"
    not_here() { cd "$work/elsewhere" && ! found; }
    test_case "not found in the working directory" not_here
    not_by_path() { cd "$work/elsewhere" && ! LD_LIBRARY_PATH=. found; }
    test_case "nor by LD_LIBRARY_PATH" not_by_path
else
    for place in "beside libliax.so" "in liax/ beside libliax.so" "not in the working directory" "not by LD_LIBRARY_PATH"; do
        skip_case "$place" "there is no emulated library, or an installed one"
    done
fi

# ---- the program with it: devices, and each layer's tier, by the table and forced
"$build/bin/liax-synth" --size 8 --widths 16,16 --motions 2 "$work/wide.liax"
liax() { cp "$emulated" "$work/lib/" && "$work/bin/liax" "$@"; }
devices() {
    for device in cuda cuda:0 auto; do
        liax bench -m "$work/wide.liax" --device $device --runs 1 | tee "$work/bench" | grep -q ' on cuda:0 ' || { cat "$work/bench"; return 1; }
    done
    ! liax bench -m "$work/wide.liax" --device cuda:1 --runs 1
}
tiers() {
    for way in "auto:mma f16" "direct:mma f16" "ref:plain f16"; do
        liax bench -m "$work/wide.liax" --device cuda --conv "${way%%:*}" --runs 1 --layers >"$work/layers" || return 1
        grep ' 16>16 x 8 x 8 ' "$work/layers" | grep conv2d >"$work/wide"
        [ -s "$work/wide" ] && ! grep -v " ${way#*:} " "$work/wide" || { cat "$work/layers"; return 1; }
    done
}
if [ -e "$emulated" ]; then
    test_case "liax --device cuda, cuda:N and auto" devices
    test_case "liax bench --layers names each layer's tier" tiers
else
    skip_case "liax on a CUDA device" "there is no emulated library"
fi
rm -f "$work/lib/libliax-cuda.so"

# ---- the real one, where there is no driver
"$build/bin/liax-synth" --size 8 --widths 4,4 --motions 2 "$work/m.liax"
refuses() { # by a sentence and a status, and "auto" goes on
    "$build/bin/liax" info -m "$work/m.liax" --device cuda 2>"$work/said"
    [ $? -eq 1 ] && cat "$work/said" && grep -q "no NVIDIA driver" "$work/said" || return 1
    "$build/bin/liax" bench -m "$work/m.liax" --runs 1 --json >"$work/json" && grep -q '"f32"' "$work/json"
}
if [ ! -e "$build/lib/libliax-cuda.so" ]; then skip_case "no driver" "there is no CUDA compiler"
elif ldconfig -p 2>/dev/null | grep -q libcuda.so.1; then skip_case "no driver" "there is a driver"
else test_case "no driver: a sentence and a status; auto computes on the CPU" refuses; fi
echo "1..$count"
