#!/bin/sh
# gpu-check and gpu-bench where there is no GPU, and on the emulated device, where they do what they do on a GPU.
. tests/support/tap.sh
staged=$build/gpu-emulated
if ! command -v python3 >/dev/null; then
    skip_case "gpu-check and gpu-bench" "there is no python3"
    echo "1..$count"
    exit 0
fi
check() { tests/gpu/check.sh "$@" >"$work/said" 2>&1; code=$?; cat "$work/said"; return $code; }
last() { [ "$(tail -1 "$work/said")" = "$1" ] || { echo "the last line is not: $1"; return 1; }; }
json() { # json FILE EXPRESSION: it is JSON, of which this holds
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); sys.exit(0 if eval(sys.argv[2]) else repr(d))' "$@"
}
bench() { PYTHONDONTWRITEBYTECODE=1 python3 tests/gpu/bench.py "$@"; }

nothing_built() {
    check "$work/none" && last "0 passed, 0 failed, 6 skipped" && grep -q "make gpu-tests" "$work/said" &&
        json "$work/none/check.json" 'd["device"] is None and d["skipped"] == 6 and len(d["programs"]) == 6 and "make gpu-tests" in d["why_not"]' &&
        [ "$(grep -c '^| .* | 0 | 0 | 1 |' "$work/none/check.md")" -eq 6 ]
}
test_case "gpu-check without programs: all is skipped, and why" nothing_built
bench_nothing() {
    bench "$work/none" && json "$work/none/bench.json" 'd["gpu"] is None and d["frames"] == [] and d["layers"] == {} and "make gpu-tests" in d["not_measured"][0]' &&
        grep -q '^no GPU' "$work/none/bench.md"
}
test_case "gpu-bench without programs: nothing is measured, and why" bench_nothing

no_device() {
    LX_EMULATE_DEVICES=0 check "$staged" && last "0 passed, 0 failed, 6 skipped" && grep -q "the NVIDIA driver finds no device" "$work/said" &&
        json "$staged/check.json" 'd["device"] is None and {t["result"] for p in d["programs"] for t in p["tests"]} == {"skipped"}'
}
bench_no_device() { LX_EMULATE_DEVICES=0 bench "$staged" && json "$staged/bench.json" 'd["gpu"] is None and "finds no device" in d["not_measured"][0]'; }
on_device() {
    check "$staged" test_cuda_pictures && last "3 passed, 0 failed, 0 skipped" &&
        json "$staged/check.json" 'd["device"]["name"] == "Emulated GPU 0" and [t["result"] for t in d["programs"][0]["tests"]] == 3 * ["passed"]'
}
fails() {
    ! LX_EMULATE_NO_MEMORY_AT=40 check "$staged" test_cuda_pictures && tail -1 "$work/said" | grep -q '^[0-9]* passed, [1-3] failed' &&
        json "$staged/check.json" 'd["failed"] > 0 and "failed" in {t["result"] for t in d["programs"][0]["tests"]}'
}
late() { # two programs, of which the first passes a test and never ends: it is ended, the second not begun
    cp -r "$staged" "$work/slow"
    printf '#!/bin/sh\necho ok 1 - first\nsleep 1234\n' >"$work/slow/bin/test_cuda_frames"
    GPU_SECONDS=4 check "$work/slow" test_cuda_frames test_cuda_pictures && grep -q "^test_cuda_frames: not done in time" "$work/said" && last "1 passed, 0 failed, 2 skipped" &&
        json "$work/slow/check.json" '"the others of test_cuda_frames not done within" in d["programs"][0]["tests"][1]["name"] and "time was up" in d["programs"][1]["tests"][0]["name"]'
}
measures() {
    rm -rf "$staged/bench"
    bench "$staged" --size 8 --scales 0.32 --batches 1,2 --frames 2 --warm 1 --seconds 100 &&
        json "$staged/bench.json" 'len(d["frames"]) == 4 and all(r["fps"] > 0 for r in d["frames"]) and sum(bool(l["ours"]) for l in d["layers"]["0.32"]["layers"]) > 20' &&
        grep -q '| conv2d 3x3 |' "$staged/bench.md" && grep -q '^## Not measured' "$staged/bench.md"
}
bench_late() { # a program that never ends, nor does what it began
    cp -r "$staged" "$work/late"
    printf '#!/bin/sh\nsleep 1234 & echo $! >%s\nwait\n' "$work/sleeper" >"$work/late/bin/bench_layers"
    began=$(date +%s)
    bench "$work/late" --size 8 --scales 0.32 --batches 1 --frames 2 --warm 1 --seconds 12 || return 1
    took=$(($(date +%s) - began))
    [ $took -le 120 ] || { echo "$took s"; return 1; }
    ! grep -q sleep "/proc/$(cat "$work/sleeper")/cmdline" || { echo "a process is left"; return 1; }
    json "$work/late/bench.json" 'len(d["frames"]) == 3 and d["layers"] == {} and any(m.startswith("layers of s=0.32: not done within") for m in d["not_measured"])'
    bench "$work/late" --size 8 --scales 0.32 --batches 1 --seconds 0 && json "$work/late/bench.json" 'd["gpu"] is None and "the time was up" in d["not_measured"][0]'
}

# ---- LIAX_CONV=cudnn, with fakes of cuDNN and cuBLASLt on the emulated device (tests/emulator/fake_vendor.c)
fakes=$build/tests/emulator/fakes
opinion() { # opinion EXPRESSION [VARIABLE=VALUE...]: it holds of d, all; theirs, the layers that NVIDIA's libraries compute, too
    expression=$1
    shift
    env LIAX_CONV=cudnn "LD_LIBRARY_PATH=$staged/lib:$fakes" "$@" "$staged/bin/bench_layers" "$work/m.liax" "$staged/lib" >"$work/layers.json" || return 1
    json "$work/layers.json" "(lambda theirs, asked: $expression)([l[k] for l in d['layers'] for k in ('cudnn', 'cublaslt') if l[k]],
        [l for l in d['layers'] if l['kernel'] == 'conv2d' and l['shape'][0] % 16 == l['shape'][1] % 16 == 0])"
}
agree() { opinion 'len(asked) > 10 and all(l["cudnn"] for l in asked) and any(l["cublaslt"] for l in d["layers"]) and d["matmul"]["ms"] > 0
    and all(t["nth"] == 2 and t["difference"] <= 1 for t in [*theirs, d["matmul"]]) and not d["no_cudnn"] and not d["no_cublaslt"]' LIAX_FAKE_WRONG=2; }
refused() { opinion 'not theirs and d["matmul"] is None and "differ from ours" in d["no_cudnn"] and "differ from ours" in d["no_cublaslt"]' LIAX_FAKE_WRONG=3; }
not_asked() { opinion 'not theirs and "LIAX_CONV=cudnn" in d["no_cudnn"] and all(l["ours"] for l in asked)' LIAX_CONV=; }

if [ -x "$staged/bin/device_facts" ]; then
    test_case "gpu-check without a device: all is skipped, and why" no_device
    test_case "gpu-bench without a device: nothing is measured, and why" bench_no_device
    test_case "gpu-check with a device" on_device
    test_case "gpu-check that fails says so, and by its status" fails
    test_case "gpu-check ends in time, and says what was left out" late
    "$build/bin/liax-synth" --size 8 --widths 16,16 --motions 2 "$work/m.liax"
    for what in "agree:algorithms that differ are passed over, one that agrees is timed" "refused:if all differ, none is timed, and why" "not_asked:not asked for"; do
        if nm -D "$fakes/libcudnn.so.9" | grep -q cudnnCreate; then test_case "LIAX_CONV=cudnn: ${what#*:}" "${what%%:*}"
        else skip_case "LIAX_CONV=cudnn: ${what#*:}" "there are no headers of cuDNN and cuBLASLt"; fi
    done
    for what in "measures:gpu-bench with a device" "bench_late:gpu-bench ends in time, with all that it began, and says what was left out"; do
        if [ "$sanitized" ]; then skip_case "${what#*:}" "Python does not load a library with sanitizers"; else test_case "${what#*:}" "${what%%:*}"; fi
    done
else
    skip_case "gpu-check and gpu-bench on the emulated device" "this build has none"
fi
echo "1..$count"
