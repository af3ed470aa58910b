#!/bin/sh
# make check: build with warnings as errors, run every test, then run them under ASan and UBSan, then build with clang.
# The last line adds up all passes. check.sh MAKE
set -u
make=$1
jobs=-j$(getconf _NPROCESSORS_ONLN)
total=$(mktemp)
trap 'rm -f "$total" "$total.log"' EXIT

# build NAME make-arguments...: the library, the programs and the tests
build() {
    echo "== $1"
    shift
    "$make" --no-print-directory -s "$jobs" all tests-built WERROR=1 "$@" >"$total.log" 2>&1 && return
    tail -40 "$total.log"
    echo "0 passed, 1 failed" >>"$total"
    return 1
}

# pass NAME make-arguments...: one build and one run of the tests; a run that breaks off counts as a failure
pass() {
    build "$@" || return
    shift
    "$make" --no-print-directory -s test WERROR=1 "$@" | tee "$total.log"
    counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$total.log" | tail -1)
    echo "${counts:-0 passed, 1 failed}" >>"$total"
}

# The same text without a warning by another compiler counts as one test.
compile() {
    build "$@" && echo "1 passed, 0 failed" >>"$total"
}

pass "$(${CC:-cc} --version | head -1)"
pass "ASan and UBSan" SAN=address,undefined
if command -v clang >/dev/null; then compile "$(clang --version | head -1)" CC=clang CXX=clang++ CUDA=no BUILD_DIR=build-clang
else
    echo "== clang is not installed"
    echo "0 passed, 0 failed, 1 skipped" >>"$total"
fi
awk '{p += $1; f += $3; s += $5} END {printf "%d passed, %d failed", p, f; if (s) printf ", %d skipped", s; print ""; exit f > 0}' "$total"
