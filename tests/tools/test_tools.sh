#!/bin/sh
# The three tools as programs: exit statuses, one sentence on stderr, no output file after a refusal or Ctrl-C.
set -u
bin=${LIAX_BUILD:-build}/bin
golden=tests/golden
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0

# result STATUS NAME: one line of TAP
result() {
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# run STATUS LINES NAME command...: the exit status, and how many lines stderr has
run() {
    want=$1 lines=$2 name=$3
    shift 3
    "$@" >"$dir/stdout" 2>"$dir/stderr"
    status=$?
    [ $status -eq "$want" ] && [ "$(wc -l <"$dir/stderr")" -eq "$lines" ]
    ok=$?
    [ $ok -eq 0 ] || sed "s/^/# status $status: /" "$dir/stderr"
    result $ok "$name"
}

absent() {
    [ -z "$(find "$dir" -name "$1*")" ]
    result $? "$2"
}

for tool in liax-convert liax-inspect liax-synth; do
    run 0 0 "$tool --help" "$bin/$tool" --help
    run 0 0 "$tool --version" "$bin/$tool" --version
    run 2 1 "$tool without arguments" "$bin/$tool"
    run 2 1 "$tool with an unknown option" "$bin/$tool" --nonsense a b
done
"$bin/liax-convert" --help | grep -q "CC BY-NC 4.0"
result $? "the licence stands in the help"

run 0 1 "a conversion, with its notice" "$bin/liax-convert" $golden/tiny-64.pt "$dir/a.liax"
run 0 0 "no notice where the licence is given" "$bin/liax-convert" $golden/tiny-64.pt "$dir/b.liax" --license CC0 --source "a test"
run 2 1 "an unknown dtype" "$bin/liax-convert" $golden/tiny-64.pt "$dir/no.liax" --dtype f8
run 2 1 "an option without its value" "$bin/liax-convert" $golden/tiny-64.pt "$dir/no.liax" --dtype
run 2 1 "one file too many" "$bin/liax-convert" a b c
run 1 1 "no such input" "$bin/liax-convert" "$dir/none.pt" "$dir/no.liax"
run 1 1 "a folder as input" "$bin/liax-convert" "$dir" "$dir/no.liax"
run 1 1 "no such folder for the output" "$bin/liax-convert" $golden/tiny-64.pt "$dir/none/no.liax"
run 1 1 "no checkpoint" "$bin/liax-convert" $golden/MANIFEST.md "$dir/no.liax"
run 1 1 "a container as input" "$bin/liax-convert" "$dir/a.liax" "$dir/no.liax"
run 1 1 "no such controls" "$bin/liax-convert" $golden/tiny-64.pt "$dir/no.liax" --controls "$dir/none.json"
head -c 300000 $golden/tiny-64.pt >"$dir/cut.pt"
run 1 1 "a checkpoint cut short" "$bin/liax-convert" "$dir/cut.pt" "$dir/no.liax"
absent no.liax "none of them left a file"

cp "$dir/a.liax" "$dir/kept.liax"
"$bin/liax-convert" "$dir/cut.pt" "$dir/kept.liax" 2>/dev/null
cmp -s "$dir/a.liax" "$dir/kept.liax"
result $? "a refused conversion leaves an older output alone"

run 0 0 "inspect" "$bin/liax-inspect" "$dir/b.liax" --verify
grep -q "^license: CC0$" "$dir/stdout" && grep -q "^source: a test$" "$dir/stdout" && grep -q "dec.direction.Q" "$dir/stdout"
result $? "inspect tells licence, source and tensors"
run 0 0 "inspect --json" "$bin/liax-inspect" "$dir/a.liax" --json
grep -q '"fingerprint"' "$dir/stdout"
result $? "the JSON has the fingerprint"
size=$(wc -c <"$dir/a.liax")
cp "$dir/a.liax" "$dir/flipped.liax"
printf '\377\377\377' | dd of="$dir/flipped.liax" bs=1 seek=$((size - 150)) conv=notrunc 2>/dev/null
run 0 0 "changed data pass without --verify" "$bin/liax-inspect" "$dir/flipped.liax"
run 1 1 "and fail with it" "$bin/liax-inspect" "$dir/flipped.liax" --verify
run 1 1 "a checkpoint is no container" "$bin/liax-inspect" $golden/tiny-64.pt

run 0 0 "synth" "$bin/liax-synth" --size 32 --scale 0.1 --motions 4 "$dir/s.liax"
run 0 0 "synth of a checkpoint" "$bin/liax-synth" --size 32 --scale 0.1 --motions 4 "$dir/s.safetensors"
run 0 0 "its conversion" "$bin/liax-convert" "$dir/s.safetensors" "$dir/t.liax" --license none
"$bin/liax-inspect" "$dir/s.liax" | grep fingerprint >"$dir/1"
"$bin/liax-inspect" "$dir/t.liax" | grep fingerprint | cmp -s - "$dir/1"
result $? "both ways give the same model"
run 2 1 "synth of an odd size" "$bin/liax-synth" --size 33 --scale 1 --motions 4 "$dir/no.liax"
run 2 1 "synth with too few widths" "$bin/liax-synth" --size 32 --widths 8,8 --motions 4 "$dir/no.liax"
run 2 1 "synth with more motions than channels" "$bin/liax-synth" --size 32 --widths 8,8,8,8 --motions 9 "$dir/no.liax"
run 2 1 "synth into an unknown format" "$bin/liax-synth" --size 32 --scale 1 --motions 4 "$dir/no.bin"

# Ctrl-C: a child of a script ignores SIGINT, so SIGTERM, which is handled in the same way
"$bin/liax-synth" --size 512 --scale 1 --motions 40 "$dir/stopped.liax" 2>/dev/null &
pid=$!
i=0
while [ -z "$(find "$dir" -name 'stopped*')" ] && [ $i -lt 100 ]; do
    sleep 0.05
    i=$((i + 1))
done
kill -TERM $pid
wait $pid
[ $? -eq 130 ]
result $? "a stopped tool exits 130"
absent stopped "and leaves nothing"
echo "1..$n"
