#!/bin/sh
# liax: what it refuses, with which exit code and sentence; and what it prints.
. "$(dirname "$0")/liax_tests.sh"

"$probe" video in.mp4 80 60 30 aac
"$build/bin/liax-synth" --size 64 --widths 8,8,8,4,2 --motions 8 --seed 7 other.liax >out 2>err
works "a motion file" "$liax" motion -m tiny.liax -i in.mp4 -o motion.json
animate() { "$liax" animate -m tiny.liax -s "$portrait" "$@"; }
edit() { "$liax" edit -m tiny.liax -s "$portrait" "$@"; }

# ---- the command line
refuses "no command" 2 'name a command' "$liax"
refuses "unknown command" 2 'frobnicate is no command' "$liax" frobnicate
refuses "unknown option" 2 'frob is no option' edit --frob -o x.png
refuses "unknown letter" 2 'Z is no option' edit -Z -o x.png
refuses "option without its value" 2 'needs a value' edit -o
refuses "stray argument" 2 'belongs to no option' edit -o x.png stray
refuses "no model" 2 'MODEL is missing' "$liax" edit -s "$portrait" -o x.png
refuses "no portrait" 2 'PORTRAIT is missing' "$liax" edit -m tiny.liax -o x.png
refuses "no output" 2 'name an output' edit
refuses "no output of a motion" 2 'name a motion file' "$liax" motion -m tiny.liax -i in.mp4
for bad in yaw yaw= =1 yaw=abc yaw=1x yaw=nan yaw=inf; do refuses "--edit $bad" 2 'give a control and a number' edit -e $bad -o x.png; done
refuses "unknown control" 2 'lists the controls' edit -e nose=1 -o x.png
refuses "a motion id that is too large" 2 'lists the controls' edit -e 8=1 -o x.png
for bad in 0x5 5x 5 x5 40000x5 5x5x5 large; do refuses "--size $bad" 2 'give source, model, or pixels' edit --size $bad -o x.png; done
for bad in 0 -1 x 1.5 99999999999; do refuses "--threads $bad" 2 'give a whole number' edit --threads $bad -o x.png; done
for bad in 0 -25 x 1/0 25/ nan; do refuses "--fps $bad" 2 'give frames per second' animate -d "$sequence" --fps $bad -o x.mp4; done
refuses "--background" 2 '#rrggbb' edit --background reddish -o x.png
refuses "--precision" 2 'give one of' edit --precision f64 -o x.png
refuses "--conv" 2 'give one of' edit --conv auto-ref -o x.png
refuses "--device" 1 'nowhere' edit --device nowhere -o x.png
refuses "absolute with an edit" 2 'takes no --edit' animate -d in.mp4 --absolute -e 1=1 -o x.mp4
refuses "absolute with an anchor" 2 'has no --anchor' animate -d in.mp4 --absolute --anchor 1 -o x.mp4
refuses "an anchor past the end" 1 'has only 30 frames' animate -d in.mp4 --anchor 30 -o x.mp4
refuses "--fps for a video" 2 'times of its own' animate -d in.mp4 --fps 10 -o x.mp4
refuses "sweep without an edit" 2 'name what to sweep' "$liax" sweep -m tiny.liax -s "$portrait" -o x.mp4

# ---- files that are not what they should be
head -c 300 "$portrait" >cut.png
"$probe" picture full.jpg jpeg1
head -c 200 full.jpg >cut.jpg
head -c "$(($(wc -c <full.jpg) - 100))" full.jpg >half.jpg
head -c 4000 in.mp4 >cut.mp4
head -c 5000 tiny.liax >cut.liax
"$probe" picture cmyk.jpg cmyk
: >empty.png
mkdir folder
dd if=/dev/urandom of=noise.mp4 bs=1000 count=20 2>err
printf '\211PNG\r\n\032\n\0\0\0\rIHDR\377\377\377\377\377\377\377\377\010\002\0\0\0' >huge.png
from() { "$liax" edit -m tiny.liax -s "$1" -o x.png; }
refuses "missing model" 1 'missing.liax' "$liax" edit -m missing.liax -s "$portrait" -o x.png
refuses "truncated model" 1 'cut.liax' "$liax" edit -m cut.liax -s "$portrait" -o x.png
refuses "a folder as the model" 1 'folder' "$liax" edit -m folder -s "$portrait" -o x.png
refuses "missing portrait" 1 'cannot read missing.png' from missing.png
refuses "a folder as the portrait" 1 'folder is a folder' from folder
refuses "truncated PNG" 1 'cut.png' from cut.png
refuses "truncated JPEG" 1 'cut.jpg' from cut.jpg
refuses "JPEG without its end" 1 'half.jpg' from half.jpg
refuses "empty file" 1 'empty.png' from empty.png
refuses "CMYK JPEG" 1 'save it as RGB' from cmyk.jpg
refuses "PNG of absurd size" 1 'huge.png' from huge.png
refuses "missing video" 1 'cannot read missing.mp4' animate -d missing.mp4 -o x.mp4
refuses "a folder as the video" 1 'is a folder' animate -d folder -o x.mp4
refuses "truncated video" 1 'cut.mp4' animate -d cut.mp4 -o x.mp4
refuses "noise as a video" 1 'noise.mp4' animate -d noise.mp4 -o x.mp4
refuses "a sequence of no files" 1 'no file matches' animate -d none-%d.png -o x.mp4
sed 's/"pts": 1001/"pts": 0/' motion.json >still.json
head -c 900 motion.json >cut.json
echo '{"format": "liax-motion"}' >bare.json
sed 's/"alpha": \[/"alpha": [1, /' motion.json >wide.json
for bad in still cut bare wide; do refuses "motion file: $bad" 1 'no motion file that can be read' animate -d $bad.json -o x.mp4; done
refuses "another model's motion file" 1 'another model' "$liax" animate -m other.liax -s "$portrait" -d motion.json -o x.mp4
works "--force takes it" "$liax" animate -m other.liax -s "$portrait" -d motion.json --force -o forced.mp4
refuses "edit-video of a motion file" 2 'no pictures to edit' "$liax" edit-video -m tiny.liax -i motion.json -o x.mp4

# ---- outputs
echo precious >kept.png
refuses "no overwriting" 1 'exists already' edit -o kept.png
refuses "no overwriting of an array" 1 'exists already' edit --npy kept.png
refuses "no overwriting of a motion file" 1 'exists already' "$liax" motion -m tiny.liax -i in.mp4 -o motion.json
grep -q precious kept.png
ok "the file is as it was" $?
works "-y overwrites" edit -o kept.png -y
refuses "unknown kind of output" 1 'taken from the name' edit -o x.xyz
refuses "a folder as the output" 1 'is a folder' edit --npy folder
refuses "a missing folder" 1 'folder that exists' edit -o nowhere/x.png
refuses "a clip into one PNG" 1 'one picture only' animate -d in.mp4 -o x.png
ln -s /dev/full full.png
ln -s /dev/full full.mp4
ln -s /dev/full full.npy
refuses "full disk: PNG" 1 'No space left' edit -o full.png
refuses "full disk: video" 1 'No space left' animate -d in.mp4 -o full.mp4
refuses "full disk: array" 1 'No space left' edit --npy full.npy
ln -s /dev/full full.json
refuses "full disk: a small array" 1 'No space left' "$liax" motion -m tiny.liax -i "$portrait" --npy full.npy
refuses "full disk: motion file" 1 'No space left' "$liax" motion -m tiny.liax -i "$portrait" -o full.json
limited() { (ulimit -f 4 && "$@"); }
refuses "a limit on file sizes: video" 1 'cannot write x.mp4' limited "$liax" animate -m tiny.liax -s "$portrait" -d in.mp4 -o x.mp4 --size 320x240
refuses "a limit on file sizes: array" 1 'cannot write x.npy' limited "$liax" edit -m tiny.liax -s "$portrait" --npy x.npy
refuses "a limit on file sizes: published pixels" 1 'cannot keep' limited "$liax" animate -m tiny.liax -s "$portrait" -d in.mp4 -o x.mp4 --published-pixels

# ---- printing
shows "--help" 'edit-video' "$liax" --help
for c in animate edit edit-video sweep motion info devices bench; do shows "$c --help" "usage: liax $c" "$liax" $c --help; done
shows "--version" 'licence is GPL' "$liax" --version
shows "info" 'fingerprint  [0-9a-f]\{64\}$' "$liax" info -m tiny.liax
shows "info --json" '"fingerprint": "[0-9a-f]\{64\}"' "$liax" info -m tiny.liax --json
shows "devices" '^cpu ' "$liax" devices
shows "devices --json" '"id": "cpu"' "$liax" devices --json
works "bench" "$liax" bench -m tiny.liax --threads 1 --runs 2 --json
cp out bench.json
keys=$(sed -n 's/^  "\([a-z_]*\)".*/\1/p' bench.json | sort | tr '\n' ' ')
[ "$keys" = "decoder_ms dtype encoder_ms frame_ms level precision size threads " ] && head -1 out | grep -q '^{$' && tail -1 out | grep -q '^}$'
ok "bench prints one JSON object with the agreed keys" $?
shows "bench --threads" '"threads": 1,' cat bench.json
shows "bench --precision bf16" '"precision": "bf16",' "$liax" bench -m tiny.liax --runs 1 --precision bf16 --json
works "bench --layers" "$liax" bench -m tiny.liax --runs 1 --layers
[ "$(grep -c ' conv2d ' out)" -ge 20 ] && grep -q 'peak measured' out
ok "with a row for every layer" $?
shows "bench --layers --json" '"share_of_peak"' "$liax" bench -m tiny.liax --runs 1 --layers --json
"$liax" info -m tiny.liax 2>err | true
[ ! -s err ]
ok "a closed pipe is quiet" $?
"$liax" info -m tiny.liax >/dev/full 2>err
[ $? -eq 1 ] && grep -q 'No space left' err
ok "a full disk behind stdout is not" $?
echo "1..$count"
