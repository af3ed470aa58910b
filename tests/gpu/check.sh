#!/bin/sh
# Every test that a GPU runs, or some, on this machine's: check.sh [FOLDER [PROGRAM...]]. FOLDER (build/gpu) is what `make gpu-tests`
# made, here or elsewhere. Writes FOLDER/check.json and FOLDER/check.md; the last line is "N passed, N failed, N skipped". What is not
# done after GPU_SECONDS (570) counts as skipped.
set -u
cd "$(dirname "$0")/../.." || exit 2
folder=${1:-build/gpu}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- test_cuda_kernels test_goldens test_cuda_frames test_cuda_pictures test_cuda_failures sanitizer.sh
export LD_LIBRARY_PATH="$PWD/$folder/lib:$folder/lib:${LD_LIBRARY_PATH:-}" LIAX_TEST_CUDA="$folder/lib"
case $folder in /*) ;; *) LIAX_TEST_CUDA=$PWD/$folder/lib ;; esac
mkdir -p "$folder/tests/log" || exit 2

facts=null why=
if [ ! -x "$folder/bin/device_facts" ]; then why="$folder has no programs: \`make gpu-tests\` makes them where nvcc is"
elif said=$("$folder/bin/device_facts" "$LIAX_TEST_CUDA" 2>&1); then facts=$said
else why=$said
fi
end=$(($(date +%s) + ${GPU_SECONDS:-570}))

# TAP of one program for every test of it: {"program": ..., "seconds": ..., "tests": [{"name": ..., "result": ...}]}
json() { # json NAME SECONDS TAP
    awk -v name="$1" -v seconds="$2" '
        function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); gsub(/[\001-\037]/, " ", s); return "\"" s "\"" }
        BEGIN { printf "{\"program\": %s, \"seconds\": %d, \"tests\": [", quoted(name), seconds }
        /^(not )?ok / {
            result = /# *(SKIP|skip)/ ? "skipped" : /^ok/ ? "passed" : "failed"
            sub(/^(not )?ok [0-9]* *(- )?/, "")
            sub(/# *(SKIP|skip) */, "")
            printf "%s{\"name\": %s, \"result\": \"%s\"}", n++ ? ", " : "", quoted($0), result
        }
        END { print "]}" }' "$3"
}

passed=0 failed=0 skipped=0 rows= table=
run() { # run PROGRAM: through run.sh, one at a time, since some look at the memory of the whole device
    name=$(basename "$1") began=$(date +%s)
    tap=$folder/tests/log/$name.tap out=$folder/tests/log/$name.out
    not=$why
    [ "$not" ] || [ "$began" -lt "$end" ] || not="the time was up"
    if [ "$not" ]; then
        echo "ok 1 - $name # SKIP $not" >"$tap"
        echo "$name: skipped: $not"
        counts="0 passed, 0 failed, 1 skipped"
    elif timeout -k 5 $((end - began)) tests/run.sh "$folder" "$1" >"$out"; [ $? -lt 124 ]; then
        sed '$d' "$out"
        grep -h '^# skipped' "$tap" | sort | uniq -c
        counts=$(tail -1 "$out")
    else
        echo "$name: not done in time"
        echo "ok - the others of $name # SKIP not done within $((end - began)) s" >>"$tap"
        counts="$(grep -v SKIP "$tap" | grep -c '^ok') passed, $(grep -v SKIP "$tap" | grep -c '^not ok') failed, $(grep -c SKIP "$tap") skipped"
    fi
    count() { echo "$counts" | sed -n "s/.*\b\([0-9][0-9]*\) $1.*/\1/p"; }
    p=$(count passed) f=$(count failed) s=$(count skipped)
    passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1})) skipped=$((skipped + ${s:-0}))
    took=$(($(date +%s) - began))
    rows="$rows${rows:+,
}$(json "$name" $took "$folder/tests/log/$name.tap")"
    table="$table| $name | ${p:-0} | ${f:-1} | ${s:-0} | $took |
"
}
for program in "$@"; do
    case $program in *.sh) run "tests/gpu/$program" ;; *) run "$folder/bin/$program" ;; esac
done

commit=$(git describe --always --dirty 2>/dev/null || echo unknown) date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
cat >"$folder/check.json" <<END
{"commit": "$commit", "date": "$date", "device": $facts, "why_not": "$(echo "$why" | sed 's/[\\"]/\\&/g')",
"passed": $passed, "failed": $failed, "skipped": $skipped, "programs": [
$rows
]}
END
{
    echo "GPU tests, $commit, $date: $(if [ "$why" ]; then echo "$why"; else echo "$facts" | sed -n 's/.*"name": "\([^"]*\)", "level": "\([^"]*\)".*/\1, \2/p'; fi)"
    printf '\n| program | passed | failed | skipped | s |\n| --- | --- | --- | --- | --- |\n%s' "$table"
} >"$folder/check.md"
cat "$folder/check.md"
echo "written: $folder/check.json $folder/check.md"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
