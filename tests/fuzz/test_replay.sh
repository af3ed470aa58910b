#!/bin/sh
# The fuzz targets without a fuzzer, over the goldens, a small container and motion files: whole, cut short, with bytes changed. Prints TAP.
. tests/support/tap.sh
replay() { # replay TARGET FILE
    test_case "$1: $(basename "$2")" "$build/tests/fuzz/replay_$1" "$2"
}
"$build/bin/liax-synth" --size 8 --widths 4,2 --motions 2 "$work/tiny.liax" 2>/dev/null
"$build/bin/liax-synth" --size 8 --widths 4,2 --motions 2 "$work/tiny.safetensors" 2>/dev/null
replay container "$work/tiny.liax"
replay checkpoint "$work/tiny.safetensors"
for f in tests/golden/tiny-64.pt tests/golden/tiny-64-legacy.pt tests/golden/tiny-64-views.pt; do replay checkpoint $f; done
for form in json liaxm; do
    "$build/bin/liax" motion -m "$work/tiny.liax" -i tests/golden/tiny-64/driving-%d.png -o "$work/driving.$form" 2>/dev/null
    replay motion "$work/driving.$form"
done
echo "1..$count"
