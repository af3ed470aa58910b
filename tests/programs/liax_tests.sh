# What the tests of the program liax share; each sources it. They print TAP, run in a folder of their own with a tiny
# model whose right answers are known, and are started from the root of the source tree. LIAX_BUILD names the build folder.
# shellcheck shell=sh disable=SC2034
set -u
root=$(pwd)
build=$(cd "${LIAX_BUILD:-build}" && pwd) || exit 1
golden=$root/tests/golden/tiny-64
liax=$build/bin/liax
case ${build##*/} in *san*) sanitized=1 ;; *) sanitized=0 ;; esac
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

count=0
# ok DESCRIPTION STATUS: one test, passed if STATUS is 0; a failed one shows what the last command said
ok() {
    count=$((count + 1))
    if [ "$2" -eq 0 ]; then echo "ok $count - $1"; else
        echo "not ok $count - $1"
        sed 's/^/# /' out err 2>/dev/null | head -8
    fi
}
skip() {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}
# run COMMAND...: its output in the files out and err, its status in $status
run() {
    "$@" >out 2>err
    status=$?
}
# works DESCRIPTION COMMAND...: ends well and says nothing to a stderr that is no terminal
works() {
    description=$1
    shift
    run "$@"
    [ $status -eq 0 ] && [ ! -s err ]
    ok "$description" $?
}
# refuses DESCRIPTION CODE WORDS COMMAND...: ends with CODE, says one sentence that holds WORDS, and leaves no new file
refuses() {
    description=$1 code=$2 words=$3
    shift 3
    ls -A >before
    run "$@"
    ls -A >after
    [ $status -eq "$code" ] && [ "$(grep -c '^liax: ' err)" -eq 1 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q -e "$words" err && cmp -s before after
    ok "$description" $?
}
# shows DESCRIPTION WORDS COMMAND...: prints a line that holds WORDS
shows() {
    description=$1 words=$2
    shift 2
    run "$@"
    [ $status -eq 0 ] && grep -q -e "$words" out
    ok "$description" $?
}
touch before after out err

# shellcheck disable=SC2046
"${CC:-cc}" -std=c11 -O1 -o probe "$root"/tests/programs/probe*.c $(pkg-config --cflags --libs libavformat libavcodec libavutil libpng libjpeg) -lm
[ -x probe ] || exit 1
probe=$tmp/probe
run "$build/bin/liax-convert" "$root/tests/golden/tiny-64.pt" tiny.liax
ok "a model from a checkpoint" $status
probe=$tmp/probe
portrait=$golden/source.png
sequence=$golden/driving-%d.png
