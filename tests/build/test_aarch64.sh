#!/bin/sh
# Another processor: the library built for aarch64, which has the reference level alone, passes the goldens in an emulator.
# The program is tests/model/test_goldens.c itself; cross/ stands in for cmocka and libpng. tiny-64 alone: small-128 takes minutes,
# since an emulator computes every sum in software. Prints TAP.
. tests/support/tap.sh
cc=aarch64-linux-gnu-gcc
emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static)
skip() {
    skip_case aarch64 "$1"
    echo "1..$count"
    exit 0
}
[ "$sanitized" ] && skip "once is enough, and without sanitizers"
command -v $cc >/dev/null || skip "there is no $cc"
[ "$emulator" ] || skip "there is no qemu-aarch64"
fail() {
    ok "aarch64: $1" 1
    echo "1..$count"
    exit 1
}

cross=$build/aarch64
mkdir -p "$cross/tests" "$cross/bin" "$cross/rgb/tiny-64"
make -s lib CC=$cc AR=aarch64-linux-gnu-ar SAN= BUILD_DIR="$cross" WERROR=1 >"$work/log" 2>&1 || fail "the library does not build"
flags="-std=c11 -O1 -Wall -Wextra -Werror -Iinclude -Ilib -Ikernels -Itests -I."
# shellcheck disable=SC2086 # a list of words
$cc $flags -Itests/build/cross -static -o "$cross/test_goldens" tests/model/test_goldens.c tests/support/golden.c tests/build/cross/golden_rgb.c \
    "$cross/lib/libliax.a" -lm -lpthread >"$work/log" 2>&1 || fail "the goldens' program does not build"
# what the emulated program asks of this machine: the models, converted, and the pictures without PNG
# shellcheck disable=SC2086
cc $flags -o "$cross/png_rgb" tests/build/cross/png_rgb.c tests/support/golden.c tests/support/golden_png.c -lpng -lm >"$work/log" 2>&1 || fail "png_rgb does not build"
for png in tests/golden/tiny-64/*.png; do
    name=${png#tests/golden/}
    "$cross/png_rgb" "$name" >"$cross/rgb/$name" 2>"$work/log" || fail "$name cannot be read"
done
cp "$build/bin/liax-convert" "$cross/bin/liax-convert"
LIAX_BUILD=$cross "$emulator" "$cross/test_goldens" tiny-64 >"$cross/tap" 2>"$work/log"
status=$?
cat "$cross/tap"
count=$(grep -c '^\(not \)\?ok ' "$cross/tap")
# every array at the level that there is
[ $status -eq 0 ] && [ "$count" -ge 50 ] && ! grep -v 'level ref' "$cross/tap" | grep -q '^ok '
ok "aarch64: all arrays, at the reference level alone" $?
echo "1..$count"
