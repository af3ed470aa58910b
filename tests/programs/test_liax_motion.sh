#!/bin/sh
# liax: motion files in both forms, JSON and binary: the same numbers, what is written where, and what is refused.
. "$(dirname "$0")/liax_tests.sh"

animate() { "$liax" animate -m tiny.liax -s "$portrait" "$@"; }
motion() { "$liax" motion -m tiny.liax "$@"; }
# same DESCRIPTION A B: the files are the same and not empty
same() {
    [ -s "$2" ] && cmp "$2" "$3" >out 2>err
    ok "$1" $?
}

# ---- the same in both forms
"$probe" video vfr.mp4 80 60 30 vfr
works "a video of uneven times as JSON" motion -i vfr.mp4 -o vfr.json
works "and in binary" motion -i vfr.mp4 -o vfr.liaxm
[ "$(head -c 12 vfr.liaxm | od -An -tx1 | tr -d ' ')" = 4c4941582d4d4f540d0a1a0a ] && [ "$(wc -c <vfr.liaxm)" -eq $((128 + 30 * (16 + 4 * 8))) ]
ok "which has its magic and its length" $?
[ "$(od -An -td4 -j12 -N28 vfr.liaxm | tr -s ' \n' ' ')" = " 1 64 8 $(sed -n 's/.*"fps": \[\([0-9]*\), \([0-9]*\)\].*"time_base": \[\([0-9]*\), \([0-9]*\)\].*/\1 \2 \3 \4/p' vfr.json) " ]
ok "version, S, M, fps and time base at their places" $?
[ "$(od -An -td8 -j40 -N8 vfr.liaxm | tr -d ' ')" = 30 ] && [ "$(tail -c +57 vfr.liaxm | head -c 64)" = "$("$liax" info -m tiny.liax --json | sed -n 's/.*"fingerprint": "\([0-9a-f]*\)".*/\1/p')" ]
ok "the number of frames and the fingerprint" $?
i=0
while [ $i -lt 30 ]; do
    od -An -td8 -j$((128 + i * 48)) -N8 vfr.liaxm
    i=$((i + 1))
done | tr -d ' ' >binary.times
sed -n 's/.*"pts": \([-0-9]*\),.*/\1/p' vfr.json >json.times
same "the time of every frame" json.times binary.times
works "binary to JSON" motion -i vfr.liaxm -o again.json
works "JSON to binary" motion -i vfr.json -o again.liaxm
same "gives the same JSON" vfr.json again.json
same "and the same binary, to the bit" vfr.liaxm again.liaxm
cp vfr.liaxm named.json
cp vfr.json named.liaxm
works "the form is seen by the contents: binary" animate -d named.json --npy binary.npy -o binary.mp4
works "and JSON" animate -d named.liaxm --npy json.npy -o json.mp4
same "the same frames, to the bit" json.npy binary.npy
"$probe" show vfr.mp4 | grep '^at' >want.times
"$probe" show binary.mp4 | grep '^at' >got.times
same "and the video's times" want.times got.times
works "the values as an array" motion -i vfr.liaxm --npy from-file.npy
works "from the video" motion -i vfr.mp4 --npy from-video.npy
same "are the same" from-video.npy from-file.npy
works "-o - is JSON" sh -c "'$liax' motion -m tiny.liax -i vfr.liaxm -o - | cat >piped.json"
same "the same JSON" vfr.json piped.json
works "an anchor in a binary file" animate -d vfr.mp4 --anchor vfr.liaxm --npy anchor.npy
works "capital letters in the name" motion -i vfr.json -o CAPITAL.LIAXM
same "are binary too" vfr.liaxm CAPITAL.LIAXM

# ---- refused
"$build/bin/liax-synth" --size 64 --widths 8,8,8,4,2 --motions 8 --seed 7 other.liax >out 2>err
for form in json liaxm; do
    refuses "another model's $form" 1 'another model' "$liax" animate -m other.liax -s "$portrait" -d vfr.$form -o x.mp4
    refuses "another model's $form as an input of motion" 1 'another model' "$liax" motion -m other.liax -i vfr.$form -o x.json
    works "--force takes it: $form" "$liax" animate -m other.liax -s "$portrait" -d vfr.$form --force --npy forced-$form.npy
done
same "the same by force" forced-json.npy forced-liaxm.npy
# damaged DESCRIPTION WORDS: bad.liaxm is refused
damaged() { refuses "binary: $1" 1 "bad.liaxm is no motion file that can be read: .*$2" animate -d bad.liaxm -o x.mp4; }
touch bad.liaxm
for n in 12 127 128 200 1567; do
    head -c $n vfr.liaxm >bad.liaxm
    case $n in 12 | 127) damaged "cut to $n bytes" 'cut short' ;; *) damaged "cut to $n bytes" 'its length' ;; esac
done
{ cat vfr.liaxm && printf x; } >bad.liaxm
damaged "a byte more" 'its length'
{ cat vfr.liaxm && head -c 48 /dev/zero; } >bad.liaxm
damaged "a frame more" 'its length'
# byte OFFSET: one bit changed there, checksums left as they were
byte() { { head -c "$1" vfr.liaxm && tail -c +$(($1 + 1)) vfr.liaxm | head -c 1 | tr '\000-\377' '\001-\377\000' && tail -c +$(($1 + 2)) vfr.liaxm; } >bad.liaxm; }
for at in 16 24 40 48 56 124; do
    byte $at
    damaged "byte $at changed" "head's checksum"
done
byte 52
damaged "the head's checksum changed" "head's checksum"
byte 144
damaged "a value changed" 'checksum of its frames'
byte 12
damaged "another version" 'version is not 1'
# patched OFFSET HEX DESCRIPTION WORDS: wrong contents under right checksums
patched() {
    "$probe" patch-motion vfr.liaxm bad.liaxm "$1" "$2" || exit 1
    damaged "$3" "$4"
}
"$probe" patch-motion vfr.liaxm bad.liaxm 12 01000000
same "the test's own checksums agree" vfr.liaxm bad.liaxm
patched 16 00000000 "size 0" 'its size'
patched 16 ffffffff "size that is negative" 'its size'
patched 20 00000000 "no motion values" 'its length'
patched 20 ffffffff "4294967295 motion values" 'its length'
patched 20 00000040 "2^30 motion values, so that sizes wrap" 'its length'
patched 24 00000000 "fps 0/n" 'fps or time_base'
patched 28 00000000 "fps n/0" 'fps or time_base'
patched 32 00000080 "time base of 2^31" 'fps or time_base'
patched 36 00000000 "time base n/0" 'fps or time_base'
patched 40 0000000000000000 "0 frames and 30" 'its length'
patched 40 ffffffffffffffff "2^64 - 1 frames" 'its length'
patched 40 1f00000000000000 "31 frames and 30" 'its length'
patched 40 1e00000000000010 "2^60 + 30 frames, so that sizes wrap" 'its length'
patched 56 5a "a fingerprint of other letters" 'its fingerprint'
patched 56 1b5b "a fingerprint that paints terminals" 'its fingerprint'
patched 120 01 "a head without its zeros" 'in zeros'
patched 144 0000c07f "NaN" 'frame 0 is wrong'
patched 172 000080ff "an infinity" 'frame 0 is wrong'
patched 176 0000000000000000 "a time that stands still" 'frame 1 is wrong'
patched 176 ffffffffffffffff "a time that goes back" 'frame 1 is wrong'
patched 128 ffffffffffffff7f "a time near 2^63" 'frame 0 is wrong'
patched 136 0000000000000000 "no duration" 'frame 0 is wrong'
patched 136 ffffffffffffffff "a duration below 0" 'frame 0 is wrong'
head -c 128 vfr.liaxm >empty.liaxm
"$probe" patch-motion empty.liaxm bad.liaxm 40 0000000000000000
damaged "a head and 0 frames" 'has no frames'
tr -d '\r' <vfr.liaxm >bad.liaxm
refuses "binary: sent as text" 1 'bad.liaxm is not a picture or video' animate -d bad.liaxm -o x.mp4
for fact in '"size": 0' '"size": 4294967360' '"motions": 0' '"motions": 4294967304' '"fps": [0, 1]' '"time_base": [1, 4294967297]' '"fingerprint": "Z"'; do
    key=${fact%%:*}
    sed "s/$key: *\(\[[^]]*\]\|\"[^\"]*\"\|[0-9]*\)/$fact/" vfr.json >bad.json
    refuses "JSON: $fact" 1 'no motion file that can be read' animate -d bad.json -o x.mp4
done
for value in NaN 1e39 null '"1"' '[1]'; do
    sed "s/\"alpha\": \[[^,]*/\"alpha\": [$value/" vfr.json >bad.json
    refuses "JSON: a value that is $value" 1 'no motion file that can be read' animate -d bad.json -o x.mp4
done
{ cat vfr.json && echo '{}'; } >bad.json
refuses "JSON: more after its end" 1 'no motion file that can be read' animate -d bad.json -o x.mp4

# ---- writing
refuses "no overwriting" 1 'exists already' motion -i vfr.mp4 -o vfr.liaxm
ln -s /dev/full full.liaxm
refuses "full disk" 1 'No space left' motion -i "$portrait" -o full.liaxm
mkfifo pipe.liaxm
sleep 30 <>pipe.liaxm &
reader=$!
refuses "binary into a pipe" 1 'only a motion file in JSON' motion -i "$portrait" -o pipe.liaxm
kill $reader
works "frames for a pipe" animate -d vfr.liaxm -o frames.y4m
mkfifo waiting
"$liax" motion -m tiny.liax -i - -o stopped.liaxm <waiting >out 2>err &
job=$!
exec 3>waiting
cat frames.y4m >&3
settle $job
kill -INT $job
wait $job
status=$?
exec 3>&-
ok "Ctrl-C ends with 130" $((status != 130))
works "and leaves a whole file" motion -i stopped.liaxm -o stopped.json
frames=$(grep -c '"pts"' stopped.json)
[ "$frames" -ge 1 ] && [ "$(wc -c <stopped.liaxm)" -eq $((128 + frames * 48)) ]
ok "of the frames that were done ($frames)" $?
echo "1..$count"
