#!/bin/sh
# liax: the kinds of video that it writes beside mp4, and what becomes of the sound in them.
. "$(dirname "$0")/liax_tests.sh"

animate() { "$liax" animate -m tiny.liax -s "$portrait" "$@"; }
# can ENCODER: does this FFmpeg have it? One of them may be missing where FFmpeg was built without it.
can() {
    "$probe" encoder "$1"
}
# frame_times FILE: when its frames come, in milliseconds from the first
frame_times() {
    "$probe" show "$1" | sed -n 's/^at //p' | awk 'NR == 1 {start = $1} {printf "%.0f\n", 1000 * ($1 - start)}'
}
# on_time DESCRIPTION MILLISECONDS A B: the frames of A and B come at the same times, so far as A can say
on_time() {
    frame_times "$3" >a.times
    frame_times "$4" >b.times
    paste a.times b.times | awk -v most="$2" '{d = $1 - $2; if (NF != 2 || d > most || -d > most) bad = 1} END {exit bad || NR < 2}' >out 2>err
    ok "$1" $?
}
# noted DESCRIPTION WORDS COMMAND...: ends well with one note that holds WORDS
noted() {
    description=$1 words=$2
    shift 2
    run "$@"
    [ $status -eq 0 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q "note: .*$words" err
    ok "$description" $?
}

"$probe" video in.mp4 80 60 20 vfr stereo aac
"$probe" video silent.mp4 80 60 20
if can libvpx-vp9 && can libopus; then
    noted "webm: a note about the sound" 'encoded again as opus' animate -d in.mp4 -o out.webm
    "$probe" show out.webm >webm.txt
    shows "VP9, tagged" '^video vp9 90x70 smpte170m tv' cat webm.txt
    shows "labelled" '^comment AI-generated' cat webm.txt
    shows "Opus, all of it" '^sound opus 3[2-5] packets' cat webm.txt
    on_time "webm: the times are kept" 1 out.webm in.mp4
    works "an odd size" "$liax" edit -m tiny.liax -s "$portrait" --size 101x51 -o odd.webm
    shows "gets one more column and row" '^video vp9 102x52 ' "$probe" show odd.webm
    works "Opus is copied" animate -d out.webm -o again.webm
    "$probe" show again.webm | grep '^sound' >again.txt
    grep '^sound' webm.txt | cmp - again.txt >out 2>err
    ok "packet by packet" $?
    works "webm without sound" animate -d silent.mp4 -o silent.webm
    "$probe" video surround.mp4 80 60 20 surround aac
    noted "six channels become two, which is said" 'encoded again as opus in stereo' animate -d surround.mp4 -o surround.webm
    "$probe" video clear.webm 64 48 2 plain alpha
    for colour in '#ffffff' '#ff0000'; do
        "$liax" edit -m tiny.liax -s clear.webm --side-by-side --background $colour -o clear.png -y >out 2>err
        shows "a transparent webm on $colour" "^128x48 $(printf '%d,%d,%d' 0x$(echo $colour | cut -c2-3) 0x$(echo $colour | cut -c4-5) 0x$(echo $colour | cut -c6-7))\$" "$probe" pixel clear.png 20 20
    done
else
    skip_case "webm" "this FFmpeg has no libvpx-vp9 and libopus"
fi
# sound that the table of codecs has and the muxer refuses; that goes on after the pictures; in two tracks
"$probe" video flac.mkv 80 60 20 flac
for kind in mp4 mov; do
    noted "flac in $kind: a note" 'flac.*encoded again as aac' animate -d flac.mkv -o flac.$kind
    shows "it has sound" '^sound aac' "$probe" show flac.$kind
done
works "flac in mkv is copied" animate -d flac.mkv -o flac-out.mkv
shows "as flac" '^sound flac' "$probe" show flac-out.mkv
"$probe" video longer.mp4 80 60 20 longer twice aac
noted "two tracks of sound: a note" 'of 2 tracks of sound one was taken' animate -d longer.mp4 -o longer-out.mp4
"$probe" show longer.mp4 | grep '^sound\|^language' >want.txt
"$probe" show longer-out.mp4 | grep '^sound\|^language' >got.txt
grep -q 'language deu' want.txt && grep -q 'sound aac \([6-9][0-9]\) packets' want.txt && cmp want.txt got.txt >out 2>err
ok "the one to be heard, to its end after the pictures, and its language" $?
for kind in gif apng; do
    noted "$kind: a note about the sound" 'left out' animate -d in.mp4 -o out.$kind
    shows "$kind: size" "^video $kind 90x70 " "$probe" show out.$kind
    on_time "$kind: the times are kept" 5 out.$kind in.mp4
    works "$kind: labelled" grep -q 'AI-generated' out.$kind
    works "$kind without sound says nothing" animate -d silent.mp4 -o silent.$kind
    works "$kind: an odd size" "$liax" sweep -m tiny.liax -s "$portrait" -e 1=0.5 --size 33x41 -o odd.$kind
    "$probe" show odd.$kind >out
    grep -q "^video $kind 33x41 " out && grep -qx 'frames 64' out
    ok "$kind: is kept, all frames" $?
    ln -s /dev/full full.$kind
    refuses "$kind: full disk" 1 'No space left' animate -d silent.mp4 -o full.$kind
done
shows "gif plays on and on" 'NETSCAPE2.0' strings -n 8 out.gif
od -An -v -tx1 out.apng | tr -d ' \n' | grep -q 6163544c0000001400000000
ok "apng holds 20 frames, and plays on and on too" $?
[ "$(tail -c 18 out.gif | od -An -tx1 | tr -d ' \n')" = 0021fe0c41492d67656e657261746564003b ]
ok "gif ends with its label and its end" $?
[ "$(tail -c 44 out.apng | od -An -tx1 | tr -d ' \n')" = "$(printf '0000001474455874436f6d6d656e740041492d67656e657261746564559e09420000000049454e44ae426082')" ]
ok "apng ends with a label that is whole" $?
[ "$(grep -ao IEND out.apng | wc -l)" -eq 1 ]
ok "and nowhere else" $?
# APNG loses nothing: its frames are those of numbered pictures
works "numbered pictures" animate -d silent.mp4 -o still-%d.png
works "apng of the same" "$liax" edit -m tiny.liax -s silent.apng --side-by-side --size 90x70 -o left.png
[ "$("$probe" pixel still-1.png 3 5 40 60 89 69)" = "$("$probe" pixel left.png 3 5 40 60 89 69 | sed 's/^180x/90x/')" ]
ok "its first frame to the pixel" $?
# GIF has 256 colours: means are close
"$liax" edit -m tiny.liax -s silent.gif --side-by-side --size 90x70 -o left.png -y >out 2>err
works "gif: the first frame, nearly" "$probe" blocks still-1.png left.png 90 70 5 3
"$probe" picture one.png palette
"$liax" edit -m tiny.liax -s one.png --side-by-side -o one.gif >out 2>err
"$liax" edit -m tiny.liax -s one.gif --side-by-side -o one-left.png >out 2>err
run "$probe" pixel one-left.png 20 20
sed 's/^[^ ]* //' out | tr ',' ' ' | awk '{n++; if (($1 - 10) ^ 2 + ($2 - 200) ^ 2 + ($3 - 30) ^ 2 > 12) bad = 1} END {exit bad || n != 1}'
ok "gif: a colour that half of a picture has" $?
# many colours: each is mixed from those that there are, so that means are right where single pixels cannot be
for kind in '' box green; do "$probe" gradient "g-$kind.png" 160 $kind; done
"$liax" edit -m tiny.liax -s g-.png --side-by-side -o many.gif >out 2>err
"$liax" edit -m tiny.liax -s many.gif --side-by-side -o many.png >out 2>err
works "gif: a gradient does not band (without patterns the blocks are 5 levels off)" "$probe" blocks g-.png many.png 160 160 8 2.5
run "$probe" blocks g-.png many.png 160 160 1 2.5
ok "gif: which it would, pixel by pixel" $((status == 0))
# what stands still does so in GIF; and other pictures get colours of their own
cp g-.png clip-1.png && cp g-box.png clip-2.png && cp g-green.png clip-3.png && cp g-.png clip-4.png
"$liax" edit-video -m tiny.liax -i clip-%d.png --side-by-side -o clip.gif >out 2>err
"$liax" edit-video -m tiny.liax -i clip.gif --side-by-side --size 160x160 -o seen-%d.png >out 2>err
works "gif: no flicker beside what changes" "$probe" blocks seen-1.png seen-2.png 160 80 1 0
works "gif: after another scene" "$probe" blocks g-.png seen-4.png 160 160 8 2.5
run "$probe" blocks g-green.png seen-3.png 160 160 1 2.5
ok "gif: the other scene has its own colours" $status
echo "1..$count"
