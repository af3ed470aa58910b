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
measures() {
    rm -rf "$staged/bench"
    bench "$staged" --size 8 --scales 0.32 --batches 1,2 --frames 2 --warm 1 --seconds 100 &&
        json "$staged/bench.json" 'len(d["frames"]) == 4 and all(r["fps"] > 0 for r in d["frames"]) and sum(bool(l["ours"]) for l in d["layers"]["0.32"]["layers"]) > 20' &&
        grep -q '| conv2d 3x3 |' "$staged/bench.md" && grep -q '^## Not measured' "$staged/bench.md"
}
if [ -x "$staged/bin/device_facts" ]; then
    test_case "gpu-check without a device: all is skipped, and why" no_device
    test_case "gpu-bench without a device: nothing is measured, and why" bench_no_device
    test_case "gpu-check with a device" on_device
    test_case "gpu-check that fails says so, and by its status" fails
    if [ "$sanitized" ]; then skip_case "gpu-bench with a device" "Python does not load a library with sanitizers"; else test_case "gpu-bench with a device" measures; fi
else
    skip_case "gpu-check and gpu-bench on the emulated device" "this build has none"
fi
echo "1..$count"
