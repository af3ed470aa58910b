#!/bin/sh
# Run test programs and scripts, and count: run.sh BUILD PROGRAM...
# Each prints TAP; its output goes to BUILD/tests/log. A program that ends badly without saying which test failed counts as one
# failure. The last line is "N passed, N failed" with ", N skipped" where there are any.
set -u
build=$1
shift
export LIAX_BUILD="$build" CMOCKA_MESSAGE_OUTPUT=TAP
log=$build/tests/log
mkdir -p "$log"
passed=0 failed=0 skipped=0
for program in "$@"; do
    name=$(basename "$program")
    out=$log/$name.tap
    began=$(date +%s)
    "$program" >"$out" 2>"$log/$name.err"
    status=$?
    s=$(grep -Ec "^(not )?ok .*# *(SKIP|skip)" "$out") # cmocka calls a skipped test "not ok # SKIP"
    p=$(grep -Ev "# *(SKIP|skip)" "$out" | grep -c "^ok ")
    f=$(grep -Ev "# *(SKIP|skip)" "$out" | grep -c "^not ok ")
    if [ $status -ne 0 ] && [ "$f" -eq 0 ]; then
        f=1
        echo "not ok - $name ended with status $status; its last words:"
        tail -5 "$log/$name.err"
    fi
    if [ $((p + f + s)) -eq 0 ]; then
        f=1
        echo "not ok - $name ran no test"
    fi
    [ "$f" -eq 0 ] || { grep -Ev "# *(SKIP|skip)" "$out" | grep -A4 "^not ok " | head -60; head -c 2000 "$log/$name.err"; }
    printf '%-28s %5d passed %4d failed %4d skipped %5d s\n' "$name" "$p" "$f" "$s" $(($(date +%s) - began))
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
if [ "$skipped" -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
[ "$failed" -eq 0 ]
