#!/bin/sh
# Another processor: the library built for aarch64, which has the reference level alone, passes the goldens in an emulator.
# The program is tests/model/test_goldens.c itself; cross/ stands in for cmocka and libpng. tiny-64 alone: small-128 takes minutes,
# since an emulator computes every sum in software. Prints TAP.
set -u
build=${LIAX_BUILD:-build}
cc=aarch64-linux-gnu-gcc
emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static)
skip() {
    echo "ok 1 - aarch64 # SKIP $1"
    echo "1..1"
    exit 0
}
case ${build##*/} in *san*) skip "once is enough, and without sanitizers" ;; esac
command -v $cc >/dev/null || skip "there is no $cc"
[ "$emulator" ] || skip "there is no qemu-aarch64"
work=$build/aarch64
fail() {
    echo "not ok 1 - aarch64: $1"
    sed 's/^/# /' "$work/log" | tail -20
    echo "1..1"
    exit 1
}

mkdir -p "$work/tests" "$work/bin" "$work/rgb/tiny-64"
make -s lib CC=$cc AR=aarch64-linux-gnu-ar SAN= BUILD_DIR="$work" WERROR=1 >"$work/log" 2>&1 || fail "the library does not build"
flags="-std=c11 -O1 -Wall -Wextra -Werror -Iinclude -Ilib -Ikernels -Itests -I."
# shellcheck disable=SC2086 # a list of words
$cc $flags -Itests/build/cross -static -o "$work/test_goldens" tests/model/test_goldens.c tests/support/golden.c tests/build/cross/golden_rgb.c \
    "$work/lib/libliax.a" -lm -lpthread >"$work/log" 2>&1 || fail "the goldens' program does not build"
# what the emulated program asks of this machine: the models, converted, and the pictures without PNG
# shellcheck disable=SC2086
cc $flags -o "$work/png_rgb" tests/build/cross/png_rgb.c tests/support/golden.c tests/support/golden_png.c -lpng -lm >"$work/log" 2>&1 || fail "png_rgb does not build"
for png in tests/golden/tiny-64/*.png; do
    name=${png#tests/golden/}
    "$work/png_rgb" "$name" >"$work/rgb/$name" 2>"$work/log" || fail "$name cannot be read"
done
cp "$build/bin/liax-convert" "$work/bin/liax-convert"
LIAX_BUILD=$work "$emulator" "$work/test_goldens" tiny-64 >"$work/tap" 2>"$work/log"
status=$?
cat "$work/tap"
n=$(grep -c '^\(not \)\?ok ' "$work/tap")
# every array at the level that there is
verdict="not ok"
[ $status -eq 0 ] && [ "$n" -ge 50 ] && ! grep -v 'level ref' "$work/tap" | grep -q '^ok ' && verdict=ok
echo "$verdict $((n + 1)) - aarch64: all arrays, at the reference level alone"
sed 's/^/# /' "$work/log" | tail -5
echo "1..$((n + 1))"
