# What the tests of the program liax share; each sources it. They run in their folder $work, with a tiny model whose right answers
# are known.
# shellcheck shell=sh disable=SC2034
. tests/support/tap.sh
root=$(pwd)
build=$(cd "$build" && pwd) || exit 1
golden=$root/tests/golden/tiny-64
liax=$build/bin/liax
cd "$work" || exit 1

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
# settle JOB: waits until a process has nothing left to do: no time of a processor in a second
settle() {
    before=- now=
    while [ "$now" != "$before" ]; do
        before=$now
        sleep 1
        now=$(cut -d ' ' -f 14,15 "/proc/$1/stat")
    done
}
touch before after out err

# shellcheck disable=SC2046
"${CC:-cc}" -std=c11 -O1 -o probe "$root"/tests/programs/probe*.c $(pkg-config --cflags --libs libavformat libavcodec libavutil libpng libjpeg) -lm
[ -x probe ] || exit 1
run "$build/bin/liax-convert" "$root/tests/golden/tiny-64.pt" tiny.liax
ok "a model from a checkpoint" $status
probe=$work/probe
portrait=$golden/source.png
sequence=$golden/driving-%d.png
