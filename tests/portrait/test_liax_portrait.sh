#!/bin/sh
# The program liax-portrait: stills, clips, masks, determinism, and what it says to wrong arguments.
program=${LIAX_BUILD:-build}/bin/liax-portrait
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
check() { # check NAME COMMAND...: the command succeeds
    name=$1
    shift
    n=$((n + 1))
    if "$@" >"$dir/out" 2>"$dir/err"; then echo "ok $n - $name"; else echo "not ok $n - $name"; fi
}
status() { # status CODE ARGUMENTS...: the program ends with CODE and one sentence
    want=$1
    shift
    "$program" "$@" >/dev/null 2>"$dir/said"
    [ $? -eq "$want" ] && [ -s "$dir/said" ]
}

echo 1..10
check "help" "$program" --help
check "a still" "$program" --seed 3 --size 64x48 --yaw 0.3 --masks -o "$dir/a.png"
check "its mask" test -s "$dir/a-mask.png"
"$program" --seed 3 --size 64x48 --yaw 0.3 -o "$dir/b.png"
check "the same bytes again" cmp "$dir/a.png" "$dir/b.png"
check "a clip" "$program" --seed 3 --clip 2 --frames 3 --size 32x32 --params "$dir/p.json" -o "$dir"
check "its frames" test -s "$dir/00000.png" -a -s "$dir/00002.png" -a ! -e "$dir/00003.png"
check "its motions" grep -q '"frame": 2, "yaw": ' "$dir/p.json"
check "no output: usage error" status 2 --seed 1
check "a bad size: usage error" status 2 --size 5x5 -o "$dir/c.png"
check "a folder that is not there" status 1 -o "$dir/none/c.png"
