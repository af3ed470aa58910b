#!/bin/sh
# liax in pipes: y4m and bare RGB in and out, what is refused, and what happens when a neighbour goes away.
. "$(dirname "$0")/liax_tests.sh"

animate() { "$liax" animate -m tiny.liax -s "$portrait" "$@"; }
# from FILE COMMAND...: with the file as standard input, through a pipe
from() {
    file=$1
    shift
    cat "$file" | "$@"
}
# to FILE COMMAND...: standard output into the file, through a pipe; the status is the command's
to() {
    file=$1
    shift
    { "$@" || echo $? >failed; } | cat >"$file"
    [ ! -e failed ] || { rm failed; return 1; }
}
# same DESCRIPTION A B: the files are the same and not empty
same() {
    [ -s "$2" ] && cmp "$2" "$3" >out 2>err
    ok "$1" $?
}
noise() { head -c "$1" /dev/urandom; }
# y4m FILE BYTES-A-FRAME WIDTH HEIGHT parameters...: three frames of noise
y4m() {
    file=$1 bytes=$2 width=$3 height=$4
    shift 4
    { echo "YUV4MPEG2 W$width H$height $*"; for i in 1 2 3; do echo FRAME; noise "$bytes"; done; } >"$file"
}

# ---- in: whatever FFmpeg reads from a file, liax reads from a pipe to the same values
# reads NAME y4m-arguments...
reads() {
    name=$1
    shift
    y4m in.y4m "$@"
    works "y4m from a pipe: $name" from in.y4m "$liax" motion -m tiny.liax -i - --npy pipe.npy -y
    "$liax" motion -m tiny.liax -i in.y4m --npy file.npy -y >out 2>err
    same "as from a file: $name" pipe.npy file.npy
}
reads "4:2:0" 4608 64 48 F25:1 Ip A1:1 C420jpeg
reads "no layout given" 4608 64 48 F25:1
reads "4:2:0 of odd sizes" 4687 63 49 F25:1 C420mpeg2
reads "4:2:2" 6144 64 48 F25:1 C422
reads "4:4:4" 9216 64 48 F30000:1001 C444
reads "mono" 3072 64 48 F25:1 Cmono
reads "full range" 4608 64 48 F25:1 C420jpeg XCOLORRANGE=FULL
reads "720 lines, BT.709" 69120 64 720 F25:1 C420paldv

y4m in.y4m 4608 64 48 F30000:1001 A4:3 C420jpeg
works "animate from a pipe into a video" from in.y4m animate -d - -o clip.mp4
shows "at the header's rate" '^at 0.033366667$' "$probe" show clip.mp4
works "edit-video of pixels that are not square" from in.y4m to wide.y4m "$liax" edit-video -m tiny.liax -i - -o -
shows "keeps their shape" '^YUV4MPEG2 W64 H48 F30000:1001 Ip A4:3 ' head -1 wide.y4m
works "a portrait animated by them" from in.y4m to square.y4m animate -d - -o -
shows "keeps its own" '^YUV4MPEG2 W90 H70 F30000:1001 Ip A1:1 ' head -1 square.y4m
noise 12288 >raw.rgb
for i in 1 2; do { printf 'P6 64 32 255\n'; tail -c +$((1 + (i - 1) * 6144)) raw.rgb | head -c 6144; } >raw-$i.ppm; done
works "bare RGB from a pipe" from raw.rgb "$liax" motion -m tiny.liax -i - --raw-input 64x32 --fps 10 -o pipe.json
works "the same as pictures" "$liax" motion -m tiny.liax -i raw-%d.ppm --fps 10 -o file.json
same "gives the same values and times" pipe.json file.json

# ---- out
works "animate into a pipe" to out.y4m animate -d "$sequence" -o - --fps 24
head -1 out.y4m >out
grep -qx 'YUV4MPEG2 W90 H70 F24:1 Ip A1:1 C420jpeg XAI-generated' out
ok "the header" $?
"$probe" show out.y4m >out 2>err
frames=$(ls "$golden"/driving-*.png | wc -l)
grep -q '^video rawvideo 90x70 ' out && grep -qx "frames $frames" out
ok "$frames frames that FFmpeg reads" $?
[ "$(wc -c <out.y4m)" -eq $(($(head -1 out.y4m | wc -c) + frames * (6 + 90 * 70 * 3 / 2))) ]
ok "and nothing else" $?
works "an odd size" to odd.y4m "$liax" edit -m tiny.liax -s "$portrait" --size 101x51 -o -
shows "is kept" '^video rawvideo 101x51 ' "$probe" show odd.y4m
works "into a named file" animate -d "$sequence" -o named.y4m --fps 24
same "the same" named.y4m out.y4m
works "a motion file through pipes" sh -c "cat out.y4m | '$liax' motion -m tiny.liax -i - -o - | cat >piped.json"
works "as from files" "$liax" motion -m tiny.liax -i out.y4m -o file.json -y
same "the same motion" piped.json file.json
for lines in 64 720; do
    "$probe" picture one.png palette
    "$liax" edit -m tiny.liax -s one.png --side-by-side --size 96x$lines -o - 2>err | "$liax" edit-video -m tiny.liax -i - --side-by-side -o colour-%d.png -y >out 2>err
    "$probe" pixel colour-1.png 20 20 >out
    sed 's/^[^ ]* //' out | tr ',' ' ' | awk '{n++; if (($1 - 10) ^ 2 > 9 || ($2 - 200) ^ 2 > 9 || ($3 - 30) ^ 2 > 9) bad = 1} END {exit bad || n != 1}'
    ok "a colour out and in again, $lines lines" $?
done
works "bare RGB into a pipe" to still.rgb "$liax" edit -m tiny.liax -s "$portrait" -o - --raw-output
works "as a picture" "$liax" edit -m tiny.liax -s "$portrait" -o still.png
{ printf 'P6 90 70 255\n' && cat still.rgb; } >still.ppm
"$liax" edit -m tiny.liax -s still.ppm --side-by-side -o same.png >out 2>err
[ "$(wc -c <still.rgb)" -eq 18900 ] && [ "$("$probe" pixel still.png 3 5 40 60 89 69)" = "$("$probe" pixel same.png 3 5 40 60 89 69 | sed 's/^180x/90x/')" ]
ok "the same pixels" $?
"$probe" video sound.mp4 80 60 5 aac
run to sound.y4m animate -d sound.mp4 -o -
[ $status -eq 0 ] && grep -q 'note: y4m holds no sound' err
ok "a note about the sound" $?

# ---- uneven times: y4m and bare RGB have one rate, so frames are repeated and left out
# timed NAME FPS-AND-TIME-BASE PTS:DURATION...: a motion file whose frames all differ
timed() {
    name=$1 rates=$2
    shift 2
    "$liax" info -m tiny.liax --json | awk -v rates="$rates" -v times="$*" '
        /"fingerprint"/ {gsub(/[",]/, "", $2); fingerprint = $2}
        END {
            n = split(times, t, " ")
            print "{\"format\": \"liax-motion\", \"version\": 1, \"fingerprint\": \"" fingerprint "\", \"size\": 64, \"motions\": 8, " rates ", \"frames\": ["
            for (i = 1; i <= n; i++) {
                split(t[i], at, ":")
                print "{\"pts\": " at[1] ", \"duration\": " at[2] ", \"alpha\": [" (i * 0.2) ", " (-i * 0.1) ", 0, 0, 0, 0, 0, 0]}" (i < n ? "," : "]}")
            }
        }' >"$name"
}
# frames_of FILE HEADER BYTES: a checksum of each frame
frames_of() {
    total=$(wc -c <"$1") at=$2
    while [ "$at" -lt "$total" ]; do
        tail -c +$((at + 1)) "$1" | head -c "$3" | cksum
        at=$((at + $3))
    done
}
# shown DESCRIPTION WORDS LIST TIMES...: the clip with these times is the frames of LIST, numbered from 1 as in even.y4m; a note holds WORDS
shown() {
    description=$1 words=$2 list=$3 rates=$4
    shift 4
    timed uneven.json "$rates" "$@"
    run animate -d uneven.json -o - --size 16x16
    cp out uneven.y4m
    head=$(($(head -1 uneven.y4m | wc -c)))
    frames_of uneven.y4m $head 390 >uneven.frames
    for i in $list; do sed -n "${i}p" even.frames; done >want.frames
    if [ "$words" ]; then grep -q "note: .*$words" err; else [ ! -s err ]; fi && [ $status -eq 0 ] && [ -s want.frames ] && cmp uneven.frames want.frames >out
    ok "$description" $?
}
tenths='"fps": [10, 1], "time_base": [1, 1000]'
timed even.json "$tenths" 0:100 100:100 200:100 300:100 400:100 500:100 600:100
works "even times" to even.y4m animate -d even.json -o - --size 16x16
frames_of even.y4m "$(head -1 even.y4m | wc -c)" 390 >even.frames
[ "$(sort -u even.frames | wc -l)" -eq 7 ]
ok "seven frames that differ" $?
shown "times that jitter by less than half a frame: each frame once" '' '1 2 3 4' "$tenths" 0:133 133:40 173:166 339:61
shown "a gap is filled with the frame before it" '2 were repeated and 0 left out' '1 2 2 2 3' "$tenths" 0:100 100:300 400:100
shown "frames too many are left out" 'at 10 frames a second 0 were repeated and 2 left out' '1 2 5' "$tenths" 0:60 60:40 100:20 120:80 200:100
shown "one that has no place is shown in the gap after it" '1 were repeated and 0 left out' '1 2 3 3 4' "$tenths" 0:100 100:30 130:270 400:100
shown "what lasts long at the end lasts long" '3 were repeated' '1 2 2 2 2' "$tenths" 0:100 100:400
shown "a first frame that comes late is there from the start" '2 were repeated' '1 1 1 2' "$tenths" 200:100 300:100
shown "times below 0" '' '1 2 3' "$tenths" -100:100 0:100 100:100
shown "another rate: 30000/1001 of times in ms" '' '1 2 3 4 5 6 7' '"fps": [30000, 1001], "time_base": [1, 1000]' 0:33 33:34 67:33 100:33 133:34 167:33 200:34
timed uneven.json "$tenths" 0:100 100:300 400:100
works "bare RGB, quietly" to uneven.rgb animate -d uneven.json -o - --raw-output --size 16x16 -q
[ "$(frames_of uneven.rgb 0 768 | uniq -c | awk '{printf "%s ", $1}')" = "1 3 1 " ]
ok "is filled likewise" $?
works "a named y4m file, quietly" animate -d uneven.json -o uneven-named.y4m --size 16x16 -q
shows "is filled too" '^frames 5$' "$probe" show uneven-named.y4m
timed jump.json "$tenths" 0:100 100000000:100
refuses "times that jump by a day" 1 'jump further' animate -d jump.json -o x.y4m
works "which a container with times takes" animate -d jump.json -o jump.mkv

# ---- refused
line() { printf '%s\n' "$1" | animate -d - -o x.mp4; }
refuses "not y4m" 1 'is not y4m' line 'RIFF....'
refuses "nearly y4m" 1 'is not y4m' line 'YUV4MPEG2000 W64 H48'
refuses "nothing at all" 1 'is not y4m' animate -d - -o x.mp4 </dev/null
refuses "a line without an end" 1 'is not y4m' from raw.rgb animate -d - -o x.mp4
for bad in 420p10 444alpha mono16 nonsense ''; do refuses "layout C$bad" 1 'is not taken' line "YUV4MPEG2 W64 H48 F25:1 C$bad"; done
for bad in W0 W-1 Wx W W99999999999999999999 W4294967360 H0 F25 Fx:1 F25: F-1:1 A1:1:1 'W 64'; do refuses "damaged: $bad" 1 'header on standard input is damaged' line "YUV4MPEG2 W64 H48 $bad"; done
refuses "no size" 1 'gives no size' line 'YUV4MPEG2 F25:1 C420'
refuses "absurd size" 1 'can be read' line 'YUV4MPEG2 W32768 H32768 F25:1'
refuses "absurd side" 1 'can be read' line 'YUV4MPEG2 W100000 H2 F25:1'
refuses "no frame" 1 'holds no picture' line 'YUV4MPEG2 W64 H48 F25:1'
{ head -c 5000 in.y4m; echo FRAMED; cat in.y4m; } >damaged.y4m
refuses "no FRAME where one should be" 1 'damaged after frame' from damaged.y4m animate -d - -o x.mp4
refuses "--raw-input" 2 'give pixels as in' animate -d - --raw-input 64 -o x.mp4
refuses "--raw-input of a file" 2 'says what comes through -' animate -d in.y4m --raw-input 64x48 -o x.mp4
refuses "--raw-output into a file" 2 'needs -o -' animate -d in.y4m --raw-output -o x.mp4
refuses "--fps of y4m" 2 'times of its own' from in.y4m animate -d - --fps 10 -o x.mp4
refuses "an anchor from a pipe" 2 'read only once' from in.y4m animate -d - --anchor 1 -o x.mp4
refuses "an array into a pipe" 1 'cannot go through a pipe' animate -d in.y4m --npy -
full() { "$@" >/dev/full; }
refuses "full disk behind the pipe" 1 'No space left' full animate -d in.y4m -o -
refuses "the same for a motion file" 1 'No space left' full "$liax" motion -m tiny.liax -i in.y4m -o -
head -c 13000 in.y4m >cut.y4m
run from cut.y4m animate -d - -o cut.mp4
[ $status -eq 0 ] && grep -q 'note: the last frame on standard input was cut short' err
ok "a stream cut short: a note" $?
shows "and the frames before it" '^frames 2$' "$probe" show cut.mp4
if command -v script >/dev/null; then
    script -qec "$liax edit -m tiny.liax -s $portrait -o -" /dev/null >out 2>err </dev/null
    grep -q 'standard output is a terminal' out
    ok "no frames onto a terminal" $?
else
    skip_case "no frames onto a terminal" "no script program"
fi

# ---- neighbours that go away
"$probe" video long.mp4 64 64 2000
{ animate -d long.mp4 -o - 2>err; echo $? >status; } | head -c 100000 >head.y4m
[ "$(cat status)" -eq 1 ] && [ ! -s err ] && [ "$(wc -c <head.y4m)" -eq 100000 ]
ok "a reader that has had enough: quiet" $?
{ "$liax" motion -m tiny.liax -i long.mp4 -o - 2>err; echo $? >status; } | head -c 10 >head.json
[ "$(cat status)" -eq 1 ] && [ ! -s err ]
ok "the same for a motion file" $?
# a live picture: each frame comes out before the next one goes in
mkfifo there back
timeout 60 "$liax" animate -m tiny.liax -s "$portrait" -d - -o - <there >back 2>err &
job=$!
exec 3>there 4<back
head -c 4658 in.y4m >&3 # the header and a frame
timeout 30 dd bs=1 count=$((61 + 6 + 90 * 70 * 3 / 2)) of=live.y4m <&4 2>out
[ "$(wc -c <live.y4m)" -eq $((61 + 6 + 90 * 70 * 3 / 2)) ]
ok "a frame comes out before the next one is there" $?
exec 3>&- 4<&-
wait $job
# a writer that keeps its end open and gives no more: Ctrl-C still finishes the file
mkfifo waiting
"$liax" animate -m tiny.liax -s "$portrait" -d - -o stopped.mp4 <waiting >out 2>err &
job=$!
exec 3>waiting
cat in.y4m >&3
settle $job
kill -INT $job
wait $job
status=$?
exec 3>&-
[ $status -eq 130 ] && grep -q 'interrupted; the frames that were done are in stopped.mp4' err
ok "Ctrl-C while the input waits ends with 130" $?
shows "the frames that came are there" '^frames 3$' "$probe" show stopped.mp4

if command -v ffmpeg >/dev/null; then
    works "between two ffmpegs" sh -c "ffmpeg -v error -i sound.mp4 -f yuv4mpegpipe - </dev/null | '$liax' animate -m tiny.liax -s '$portrait' -d - -o - | ffmpeg -v error -i - -c:v libx264 between.mp4"
    shows "all frames" '^frames 5$' "$probe" show between.mp4
else
    skip_case "between two ffmpegs" "no ffmpeg program"
fi
echo "1..$count"
