# What the test scripts share: they print TAP, have a folder $work of their own, and are started in the root of the source tree.
# LIAX_BUILD names the build folder. A script ends with: echo "1..$count"
# shellcheck shell=sh disable=SC2034
set -u
build=${LIAX_BUILD:-build}
case ${build##*/} in *san*) sanitized=yes ;; *) sanitized= ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

count=0
# ok NAME STATUS: one test, passed if STATUS is 0; a failed one shows what the last commands said
ok() {
    count=$((count + 1))
    if [ "$2" -eq 0 ]; then echo "ok $count - $1"; else
        echo "not ok $count - $1"
        for said in log out err; do head -20 "$work/$said" 2>/dev/null | sed 's/^/# /'; done
    fi
}
# test_case NAME COMMAND...: passed if the command succeeds; it runs in a subshell, and its output goes to $work/log
test_case() {
    ( shift; "$@" ) >"$work/log" 2>&1
    ok "$1" $?
}
skip_case() { # skip_case NAME WHY
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}
# run COMMAND...: its output in $work/out and $work/err, its status in $status
run() {
    "$@" >"$work/out" 2>"$work/err"
    status=$?
}
