#!/bin/sh
# The kernels' comparator under compute-sanitizer, where there is one: accesses out of bounds (memcheck) and races in shared memory
# (racecheck), for a part of the cases, and at most 100 seconds each. Prints TAP; LIAX_BUILD is the folder that check.sh was given.
set -u
kernels=$LIAX_BUILD/bin/test_cuda_kernels
tool=$(command -v compute-sanitizer || ls "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer" 2>/dev/null)
n=0
for check in memcheck racecheck; do
    n=$((n + 1))
    log=$LIAX_BUILD/tests/log/$check.log
    if [ -z "$tool" ]; then
        echo "ok $n - $check # SKIP there is no compute-sanitizer"
        continue
    fi
    LIAX_CHECK_FEW=8 timeout -k 5 100 "$tool" --tool $check --error-exitcode 99 "$kernels" >"$log" 2>&1
    status=$?
    if [ $status -eq 0 ] && grep -q '^ok ' "$log"; then echo "ok $n - $check of $(grep -c '^ok ' "$log") tests"
    elif grep -q 'not supported' "$log"; then echo "ok $n - $check # SKIP compute-sanitizer does not support this device"
    elif { [ $status -eq 124 ] || [ $status -eq 137 ]; } && ! grep -qi '^=========.*\(invalid\|error\|hazard\)' "$log"; then
        echo "ok $n - $check # SKIP nothing was found in 100 seconds, which did not suffice for all"
    else
        echo "not ok $n - $check ended with status $status"
        grep -A6 '^=========' "$log" | head -20 | sed 's/^/# /'
    fi
done
echo "1..$n"
