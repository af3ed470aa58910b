#!/bin/sh
# The shipped demo model, converted by the converter and drawn by the engine, on three people that it never saw. Its scores are held
# against those that it had when it was shipped: a broken kernel, converter or renderer moves them by more. Prints TAP.
. tests/support/tap.sh
value() { tail -1 "$work/out" | sed -n "s/.*\"$1\": \([-0-9.]*\).*/\1/p"; }
near() { # near KEY EXPECTED: within 0.05 (dB, or of a correlation)
    awk -v a="$(value "$1")" -v b="$2" 'BEGIN {d = a - b; exit !(a != "" && d < 0.05 && d > -0.05)}'
    ok "$1 is $2" $?
}
above() { # above KEY COPY DB
    awk -v a="$(value "$1")" -v b="$(value "$2")" -v d="$3" 'BEGIN {exit !(a != "" && b != "" && a - b >= d)}'
    ok "$1 is $3 dB above copying the source" $?
}
run "$build/bin/liax-convert" examples/demo/demo.safetensors "$work/demo.liax" --controls examples/demo/controls.json
ok "the demo model converts" $status
run "$build/bin/liax-eval-demo" "$work/demo.liax" --seed 1 --people 3 --frames 4 --no-controls
ok "the evaluation runs" $status
near self_psnr 22.963
near cross_psnr 22.470
near eyes_psnr 19.570
near mouth_psnr 23.437
near jaw_corr 0.832
near blink_corr 0.828
above self_psnr copy_self_psnr 4
above cross_psnr copy_cross_psnr 2.5
above eyes_psnr copy_eyes_psnr 2
above mouth_psnr copy_mouth_psnr 2
echo "1..$count"
