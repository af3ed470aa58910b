#!/bin/sh
# Run test programs and scripts, as many at a time as there are processors, and count: run.sh BUILD PROGRAM...
# Each prints TAP; its output goes to BUILD/tests/log. A program that ends badly without saying which test failed counts as one
# failure, and so does one that did not run. Reports come in the order of the arguments. The last line is "N passed, N failed" with
# ", N skipped" where there are any.
set -u

# run.sh --one BUILD PROGRAM: what xargs calls. It leaves a report, whose last line has the counts, and prints a line when that is done.
if [ "$1" = --one ]; then
    program=$3
    name=$(basename "$program")
    log=$2/tests/log/$name
    began=$(date +%s)
    "$program" >"$log.tap" 2>"$log.err"
    status=$?
    s=$(grep -Ec "^(not )?ok .*# *(SKIP|skip)" "$log.tap") # cmocka calls a skipped test "not ok # SKIP"
    p=$(grep -Ev "# *(SKIP|skip)" "$log.tap" | grep -c "^ok ")
    f=$(grep -Ev "# *(SKIP|skip)" "$log.tap" | grep -c "^not ok ")
    {
        if [ $status -ne 0 ] && [ "$f" -eq 0 ]; then
            f=1
            echo "not ok - $name ended with status $status; its last words:"
            tail -5 "$log.err"
        fi
        if [ $((p + f + s)) -eq 0 ]; then
            f=1
            echo "not ok - $name ran no test"
        fi
        [ "$f" -eq 0 ] || { grep -Ev "# *(SKIP|skip)" "$log.tap" | grep -A4 "^not ok " | head -60; head -c 2000 "$log.err" | awk 1; }
        printf '%-28s %5d passed %4d failed %4d skipped %5d s\n' "$name" "$p" "$f" "$s" $(($(date +%s) - began))
    } >"$log.part"
    mv "$log.part" "$log.report"
    echo "$name"
    exit 0
fi

build=$1
shift
export LIAX_BUILD="$build" CMOCKA_MESSAGE_OUTPUT=TAP
log=$build/tests/log
mkdir -p "$log"
rm -f "$log"/*.report
printf '%s\n' "$@" | xargs -P "$(getconf _NPROCESSORS_ONLN)" -n 1 "$0" --one "$build" | while read -r _; do
    while [ $# -gt 0 ] && cat "$log/$(basename "$1").report" 2>/dev/null; do shift; done
done
for program; do
    name=$(basename "$program")
    tail -n 1 "$log/$name.report" 2>/dev/null || echo "not ok - $name did not run"
done | awk '
    /^not ok/ {print; f++; next}
    {p += $2; f += $4; s += $6}
    END {printf "%d passed, %d failed", p, f; if (s) printf ", %d skipped", s; print ""; exit f > 0}'
