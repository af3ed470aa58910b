#!/bin/sh
# liax: pictures and videos in and out, what interrupts it, and its memory.
. "$(dirname "$0")/liax_tests.sh"

animate() { "$liax" animate -m tiny.liax -s "$portrait" "$@"; }
# same_lines DESCRIPTION PATTERN A B: the lines of A and B that match are the same, and there are some
same_lines() {
    grep "$2" "$3" >a.lines && grep "$2" "$4" >b.lines && cmp a.lines b.lines >out 2>err
    ok "$1" $?
}
# left FILE options...: left.png shows at its left what was read
left() {
    file=$1
    shift
    "$liax" edit -m tiny.liax -s "$file" -o left.png -y --side-by-side "$@" >out 2>err
}

# ---- videos
"$probe" video in.mp4 80 60 60 aac
"$probe" show in.mp4 >in.txt
works "animate a video" animate -d in.mp4 -o out.mp4
"$probe" show out.mp4 >out.txt
shows "H.264 in the portrait's size, tagged" '^video h264 90x70 smpte170m tv' cat out.txt
shows "labelled" '^comment AI-generated' cat out.txt
same_lines "as many frames, at the same times" '^\(at\|frames\)' in.txt out.txt
shows "60 frames" '^frames 60$' cat out.txt
same_lines "the sound, packet by packet" '^sound aac' in.txt out.txt
works "no temporary file is left" test -z "$(ls -A | grep '^\.liax')"

"$probe" video vfr.mp4 80 60 30 vfr
"$probe" show vfr.mp4 >in.txt
works "animate a video of uneven times" animate -d vfr.mp4 -o vfr-out.mp4
"$probe" show vfr-out.mp4 >out.txt
same_lines "the times are kept" '^at' in.txt out.txt
works "motion of it" "$liax" motion -m tiny.liax -i vfr.mp4 -o vfr.json
works "animate by the motion file" animate -d vfr.json -o vfr-json.mp4
"$probe" show vfr-json.mp4 >out.txt
same_lines "its times are kept too" '^at' in.txt out.txt

"$probe" video turned.mp4 80 60 10 turned aac
works "edit a video that lies on its side" "$liax" edit-video -m tiny.liax -i turned.mp4 -e 1=0.3 -o turned-out.mp4
"$probe" show turned-out.mp4 >out.txt
shows "the result stands upright" '^video h264 60x80' cat out.txt
shows "with sound" '^sound aac' cat out.txt
works "size of the model, side by side" animate -d in.mp4 --size model --side-by-side -o side.mp4
shows "the driver as high as the result, not stretched" '^video h264 150x64 ' "$probe" show side.mp4
works "an odd size, 720 lines" "$liax" edit -m tiny.liax -s "$portrait" --size 101x721 -o odd.mp4
shows "one more column and row, BT.709" '^video h264 102x722 bt709 tv' "$probe" show odd.mp4
"$probe" video pcm.mkv 80 60 60 pcm_s16le
run animate -d pcm.mkv -o pcm.mp4
[ $status -eq 0 ] && grep -q 'note: the sound' err
ok "sound that mp4 cannot hold is encoded again, with a note" $?
shows "as AAC, all of it" '^sound aac 8[5-8] packets' "$probe" show pcm.mp4
works "the recoded sound can be played: it is copied on" animate -d pcm.mp4 -o pcm-again.mp4
works "-q silences the note" animate -d pcm.mkv -o pcm.mp4 -y -q
works "mkv holds it" animate -d pcm.mkv -o pcm-out.mkv
shows "pcm in mkv" '^sound pcm_s16le' "$probe" show pcm-out.mkv
works "sweep" "$liax" sweep -m tiny.liax -s "$portrait" -e 1=0.5 -o sweep.mp4
shows "64 frames of a sweep" '^frames 64$' "$probe" show sweep.mp4
works "numbered pictures, 29.97 fps" animate -d "$sequence" --fps 29.97 -o fps.mp4
shows "frame 1 at 1001/30000 s" '^at 0.033366667$' "$probe" show fps.mp4
works "numbered pictures at 25 fps" animate -d "$sequence" -o 25.mp4
shows "frame 1 at 1/25 s" '^at 0.040000000$' "$probe" show 25.mp4
works "published pixels of a video" animate -d vfr.mp4 -o published.mp4 --published-pixels --side-by-side
"$probe" show published.mp4 >out.txt
"$probe" show vfr.mp4 >in.txt
same_lines "with the same times" '^at' in.txt out.txt

# ---- pictures
run animate -d in.mp4 -o out-%04d.png
[ $status -eq 0 ] && [ "$(ls out-*.png | wc -l)" -eq 60 ] && [ -f out-0060.png ] && grep -q 'note: PNG holds no sound' err
ok "60 numbered pictures, and a note about the sound" $?
works "a picture is labelled" grep -q 'AI-generated' out-0001.png
mkdir count && cp out-0003.png count/f-7.png && cp out-0004.png count/f-8.png && cp out-0005.png count/f-10.png
run animate -d count/f-%d.png --npy count.npy
[ $status -eq 0 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q 'note: count/f-%d.png has more pictures after a gap .* (1)' err
ok "a sequence begins at its lowest number and ends at a gap, with a note" $?
shows "two frames" '^(2, 3, 64, 64)' "$probe" npy count.npy count.npy 0
for o in 1 2 3 4 5 6 7 8; do
    "$probe" picture o.jpg jpeg$o
    left o.jpg
    "$probe" pixel left.png 4 4 40 4 4 28 40 28 >out
    awk 'function near(a, b) {return (a - b) ^ 2 < 100}
         {split($2 "," $3 "," $4 "," $5, p, ","); split("255 0 0 0 255 0 0 0 255 255 255 255", q, " ")
          for (i = 1; i <= 12; i++) if (!near(p[i], q[i])) exit 1
          exit $1 != "96x32"}' out
    ok "JPEG with EXIF orientation $o" $?
done
works "published pixels ignore the orientation" "$liax" edit -m tiny.liax -s o.jpg -o lying.png --published-pixels
shows "so it lies" '^32x48' "$probe" pixel lying.png
# colour KIND WANT options...: the colour that a PNG of one colour is read as
colour() {
    kind=$1 want=$2
    shift 2
    "$probe" picture one.png "$kind"
    left one.png "$@"
    shows "PNG: $kind $*" "^96x32 $want$" "$probe" pixel left.png 20 20
}
colour rgb16 64,128,191
colour gray 100,100,100
colour palette 10,200,30
colour alpha 244,204,204
colour alpha 40,0,0 --background black
colour alpha 40,0,204 --background '#0000ff'


# ---- colours of videos
# near WANT: the second word in the file out, r,g,b, is WANT or within 3 of it
near() {
    sed -n 's/^[^ ]* //p' out | tr ',' ' ' | awk -v want="$1" '{split(want, w, ","); for (i = 1; i <= 3; i++) if (($i - w[i]) ^ 2 > 9) exit 1; n++} END {exit !n}'
}
# video_colour WANT HEIGHT options...: what green of BT.601 becomes where the video is tagged otherwise
video_colour() {
    want=$1 lines=$2
    shift 2
    "$probe" video plain.mp4 64 "$lines" 1 plain "$@"
    left plain.mp4
    run "$probe" pixel left.png 20 20
    near "$want"
    ok "colour of $lines lines $* is $want" $?
}
video_colour 0,255,1 64
video_colour 0,216,0 64 bt709
video_colour 13,238,14 64 full
video_colour 0,216,0 720
for lines in 64 720; do
    "$probe" picture one.png palette
    "$liax" edit -m tiny.liax -s one.png --side-by-side --size 96x$lines -o one.mp4 -y >out 2>err
    left one.mp4
    run "$probe" pixel left.png 20 20
    near 10,200,30
    ok "a colour through a video of $lines lines" $?
done
"$probe" video long-clip.mkv 80 60 60 pcm_s16le
head -c "$(($(wc -c <long-clip.mkv) / 2))" long-clip.mkv >cut.mkv
works "what a truncated video holds" animate -d cut.mkv -o cut.mkv-out.mkv
"$probe" show cut.mkv-out.mkv >out 2>err
frames=$(sed -n 's/^frames //p' out)
[ "${frames:-0}" -gt 5 ] && [ "$frames" -lt 60 ]
ok "some frames of it (${frames:-none})" $?

# ---- interrupted
"$probe" video long.mp4 64 64 3000
# stop SIGNAL OUTPUT options...: sends the signal when some frames are done
stop() {
    signal=$1 output=$2
    shift 2
    "$liax" animate -m tiny.liax -s "$portrait" -d long.mp4 -o "$output" --npy "$output.npy" "$@" >out 2>err &
    job=$!
    tries=0
    until [ -n "$(find . -name '.liax-*' -size +300k)" ] || [ $tries -gt 2400 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    kill -"$signal" $job
    wait $job
    status=$?
    done_frames=$("$probe" npy "$output.npy" "$output.npy" 0 2>/dev/null | sed 's/^(\([0-9]*\),.*/\1/')
    ok "$signal $*: ends with 130" $((status != 130))
    [ "${done_frames:-0}" -ge 1 ] && [ "$done_frames" -lt 3000 ]
    ok "$signal $*: an array of the frames that were done (${done_frames:-none})" $?
    shows "$signal $*: a video of them, with its final name" "^frames $done_frames\$" "$probe" show "$output"
    works "$signal $*: no temporary file is left" test -z "$(ls -A | grep '^\.liax')"
}
stop INT stopped.mp4
stop TERM stopped-too.mp4 --published-pixels

# ---- the smallest program
bytes=$((256 * 256 * 3))
head -c $bytes /dev/urandom >portrait.rgb
head -c $((2 * bytes)) /dev/urandom >driving.rgb
ppm() { # FILE: raw RGB of 256 x 256 on standard input as a picture that liax reads
    printf 'P6 256 256 255\n' >"$1"
    cat >>"$1"
}
ppm portrait.ppm <portrait.rgb
head -c $bytes driving.rgb | ppm driving-1.ppm
tail -c $bytes driving.rgb | ppm driving-2.ppm
works "hello" sh -c "'$build/bin/hello' tiny.liax portrait.rgb <driving.rgb >hello.rgb"
works "liax does the same" "$liax" animate -m tiny.liax -s portrait.ppm -d driving-%d.ppm -o hello-%d.png
tail -c $bytes hello.rgb | ppm hello.ppm
"$liax" edit -m tiny.liax -s hello.ppm --side-by-side -o same.png >out 2>err
[ "$("$probe" pixel hello-2.png 3 5 20 20 39 29)" = "$("$probe" pixel same.png 3 5 20 20 39 29 | sed 's/^512x/256x/')" ]
ok "to the pixel" $?
run "$build/bin/hello" missing.liax portrait.rgb </dev/null
[ $status -eq 1 ] && [ -s err ]
ok "hello without a model says so" $?

# ---- a host with a picture to show 60 times a second
works "host" "$build/bin/host" tiny.liax 1
awk -F '[ ,]+' '/^60 frames shown, / && $4 >= 1 && $8 >= $4 {good++} END {exit good != 1 || NR != 1}' out
ok "shows every frame, and shows results again until there are new ones ($(cat out))" $?
"$build/bin/liax-synth" --size 256 --scale 0.25 --motions 8 slow.liax >out 2>err
began=$(date +%s)
works "host with a slow model" timeout 60 "$build/bin/host" slow.liax 2
grep -q '^120 frames shown' out && [ $(($(date +%s) - began)) -lt 40 ]
ok "never waits for it ($(cat out))" $?
run "$build/bin/host" missing.liax 1
[ $status -eq 1 ] && [ -s err ]
ok "host without a model says so" $?

# ---- a terminal
if command -v script >/dev/null; then
    script -qec "$liax animate -m tiny.liax -s $portrait -d in.mp4 -o tty.mp4" /dev/null >out 2>err </dev/null
    grep -q 'frame 60/60 (100%).* fps' out
    ok "progress on a terminal" $?
    script -qec "$liax animate -m tiny.liax -s $portrait -d in.mp4 -o tty.mp4 -y -q" /dev/null >out 2>err </dev/null
    [ ! -s out ]
    ok "-q silences it" $?
    NO_COLOR=1 script -qec "$liax edit" /dev/null >out 2>err </dev/null
    grep -q '^liax: ' out
    ok "NO_COLOR" $?
else
    skip_case "progress on a terminal" "no script program"
fi

# ---- memory
if [ ! "$sanitized" ]; then
    "$probe" video short.mp4 64 64 100
    short=$("$probe" rss "$liax" animate -m tiny.liax -s "$portrait" -d short.mp4 -o rss.mp4 -y)
    long=$("$probe" rss "$liax" animate -m tiny.liax -s "$portrait" -d long.mp4 -o rss.mp4 -y)
    [ "$((long * 100))" -le "$((short * 105))" ]
    ok "memory: $short kB after 100 frames, $long kB after 3000" $?
else
    skip_case "memory is constant" "sanitizers keep freed memory"
fi
echo "1..$count"
