#!/bin/sh
# The three tools as programs: exit statuses, one sentence on stderr, no output file after a refusal or Ctrl-C.
. tests/support/tap.sh
bin=$build/bin
golden=tests/golden

# ends STATUS LINES NAME command...: the exit status, and how many lines stderr has
ends() {
    want=$1 lines=$2 name=$3
    shift 3
    run "$@"
    [ $status -eq "$want" ] && [ "$(wc -l <"$work/err")" -eq "$lines" ]
    ok "$name" $?
}

absent() {
    [ -z "$(find "$work" -name "$1*")" ]
    ok "$2" $?
}

for tool in liax-convert liax-inspect liax-synth; do
    ends 0 0 "$tool --help" "$bin/$tool" --help
    ends 0 0 "$tool --version" "$bin/$tool" --version
    ends 2 1 "$tool without arguments" "$bin/$tool"
    ends 2 1 "$tool with an unknown option" "$bin/$tool" --nonsense a b
done
"$bin/liax-convert" --help | grep -q "CC BY-NC 4.0"
ok "the licence stands in the help" $?

ends 0 1 "a conversion, with its notice" "$bin/liax-convert" $golden/tiny-64.pt "$work/a.liax"
ends 0 0 "no notice where the licence is given" "$bin/liax-convert" $golden/tiny-64.pt "$work/b.liax" --license CC0 --source "a test"
ends 2 1 "an unknown dtype" "$bin/liax-convert" $golden/tiny-64.pt "$work/no.liax" --dtype f8
ends 2 1 "an option without its value" "$bin/liax-convert" $golden/tiny-64.pt "$work/no.liax" --dtype
ends 2 1 "one file too many" "$bin/liax-convert" a b c
ends 1 1 "no such input" "$bin/liax-convert" "$work/none.pt" "$work/no.liax"
ends 1 1 "a folder as input" "$bin/liax-convert" "$work" "$work/no.liax"
ends 1 1 "no such folder for the output" "$bin/liax-convert" $golden/tiny-64.pt "$work/none/no.liax"
ends 1 1 "no checkpoint" "$bin/liax-convert" $golden/MANIFEST.md "$work/no.liax"
ends 1 1 "a container as input" "$bin/liax-convert" "$work/a.liax" "$work/no.liax"
ends 1 1 "no such controls" "$bin/liax-convert" $golden/tiny-64.pt "$work/no.liax" --controls "$work/none.json"
head -c 300000 $golden/tiny-64.pt >"$work/cut.pt"
ends 1 1 "a checkpoint cut short" "$bin/liax-convert" "$work/cut.pt" "$work/no.liax"
absent no.liax "none of them left a file"

cp "$work/a.liax" "$work/kept.liax"
"$bin/liax-convert" "$work/cut.pt" "$work/kept.liax" 2>/dev/null
cmp -s "$work/a.liax" "$work/kept.liax"
ok "a refused conversion leaves an older output alone" $?

ends 0 0 "inspect" "$bin/liax-inspect" "$work/b.liax" --verify
grep -q "^license: CC0$" "$work/out" && grep -q "^source: a test$" "$work/out" && grep -q "dec.direction.Q" "$work/out"
ok "inspect tells licence, source and tensors" $?
ends 0 0 "inspect --json" "$bin/liax-inspect" "$work/a.liax" --json
grep -q '"fingerprint"' "$work/out"
ok "the JSON has the fingerprint" $?
size=$(wc -c <"$work/a.liax")
cp "$work/a.liax" "$work/flipped.liax"
printf '\377\377\377' | dd of="$work/flipped.liax" bs=1 seek=$((size - 150)) conv=notrunc 2>/dev/null
ends 0 0 "changed data pass without --verify" "$bin/liax-inspect" "$work/flipped.liax"
ends 1 1 "and fail with it" "$bin/liax-inspect" "$work/flipped.liax" --verify
ends 1 1 "a checkpoint is no container" "$bin/liax-inspect" $golden/tiny-64.pt

ends 0 0 "synth" "$bin/liax-synth" --size 32 --scale 0.1 --motions 4 "$work/s.liax"
ends 0 0 "synth of a checkpoint" "$bin/liax-synth" --size 32 --scale 0.1 --motions 4 "$work/s.safetensors"
ends 0 0 "its conversion" "$bin/liax-convert" "$work/s.safetensors" "$work/t.liax" --license none
"$bin/liax-inspect" "$work/s.liax" | grep fingerprint >"$work/1"
"$bin/liax-inspect" "$work/t.liax" | grep fingerprint | cmp -s - "$work/1"
ok "both ways give the same model" $?
ends 2 1 "synth of an odd size" "$bin/liax-synth" --size 33 --scale 1 --motions 4 "$work/no.liax"
ends 2 1 "synth with too few widths" "$bin/liax-synth" --size 32 --widths 8,8 --motions 4 "$work/no.liax"
ends 2 1 "synth with more motions than channels" "$bin/liax-synth" --size 32 --widths 8,8,8,8 --motions 9 "$work/no.liax"
ends 2 1 "synth into an unknown format" "$bin/liax-synth" --size 32 --scale 1 --motions 4 "$work/no.bin"

# Ctrl-C: a child of a script ignores SIGINT, so SIGTERM, which is handled in the same way
"$bin/liax-synth" --size 512 --scale 1 --motions 40 "$work/stopped.liax" 2>/dev/null &
pid=$!
i=0
while [ -z "$(find "$work" -name 'stopped*')" ] && [ $i -lt 1200 ]; do
    sleep 0.05
    i=$((i + 1))
done
kill -TERM $pid
wait $pid
[ $? -eq 130 ]
ok "a stopped tool exits 130" $?
absent stopped "and leaves nothing"
echo "1..$count"
