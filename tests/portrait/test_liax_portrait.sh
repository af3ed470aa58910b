#!/bin/sh
# The program liax-portrait: stills, clips, masks, determinism, and what it says to wrong arguments.
. tests/support/tap.sh
program=$build/bin/liax-portrait
status() { # status CODE ARGUMENTS...: the program ends with CODE and one sentence
    want=$1
    shift
    "$program" "$@" >/dev/null 2>"$work/said"
    [ $? -eq "$want" ] && [ -s "$work/said" ]
}

test_case "help" "$program" --help
test_case "a still" "$program" --seed 3 --size 64x48 --yaw 0.3 --masks -o "$work/a.png"
test_case "its mask" test -s "$work/a-mask.png"
"$program" --seed 3 --size 64x48 --yaw 0.3 -o "$work/b.png"
test_case "the same bytes again" cmp "$work/a.png" "$work/b.png"
test_case "a clip" "$program" --seed 3 --clip 2 --frames 3 --size 32x32 --params "$work/p.json" -o "$work"
test_case "its frames" test -s "$work/00000.png" -a -s "$work/00002.png" -a ! -e "$work/00003.png"
test_case "its motions" grep -q '"frame": 2, "yaw": ' "$work/p.json"
test_case "no output: usage error" status 2 --seed 1
test_case "a bad size: usage error" status 2 --size 5x5 -o "$work/c.png"
test_case "a folder that is not there" status 1 -o "$work/none/c.png"
echo "1..$count"
