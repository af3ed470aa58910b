#!/bin/sh
# make demo: draw a person and a driver that the model never saw, animate the one by the other, edit it, and lay everything out
# on one contact sheet. demo.sh BUILD; all results go to BUILD/demo.
set -eu
build=$1
bin=$build/bin
out=$build/demo
model=$out/demo.liax
person=11 driver=23 clip=5 frames=40
shown="0 8 16 24 32 39"

rm -rf "$out/driving" "$out/truth" "$out/result" "$out/edits"
mkdir -p "$out/driving" "$out/truth" "$out/result" "$out/edits"
size=$("$bin/liax" info -m "$model" --json | sed -n 's/.*"size": *\([0-9]*\).*/\1/p' | head -1)
if [ -f examples/demo/demo.safetensors ]; then echo "model: ours, trained on drawn people (examples/demo/MODEL_CARD.md), $size x $size"
else echo "model: SYNTHETIC, made-up weights: the pictures mean nothing, they show that everything runs; $size x $size"; fi

# Identities below 1000 were never trained on. The source has the motion of the driver's first frame, so that the truth of
# relative animation is simply the same person in the driver's motion.
"$bin/liax-portrait" --seed $person --clip $clip --start 0 --size 256x256 -o "$out/source.png"
"$bin/liax-portrait" --seed $driver --clip $clip --frames $frames --size 256x256 -o "$out/driving"
"$bin/liax-portrait" --seed $person --clip $clip --frames $frames --size 256x256 -o "$out/truth"

began=$(date +%s%N)
"$bin/liax" animate -y -q -m "$model" -s "$out/source.png" -d "$out/driving/%05d.png" -o "$out/result.mp4"
ended=$(date +%s%N)
"$bin/liax" animate -y -q -m "$model" -s "$out/source.png" -d "$out/driving/%05d.png" -o "$out/result/%05d.png"

row() { # row CAPTION FOLDER FIRST: the frames that are shown, of pictures numbered from FIRST
    rows="$rows --row '$1'"
    for i in $shown; do rows="$rows $(printf '%s/%05d.png' "$2" $((i + $3)))"; done
}
rows="--row source $out/source.png"
row driver "$out/driving" 0
row result "$out/result" 1
row truth "$out/truth" 0

# one row for each control: the source with the control from its least to its most useful value
"$bin/liax" info -m "$model" --json >"$out/info.json"
for control in yaw pitch roll mouth-open eyes-open smile; do
    range=$(tr -d '\n' <"$out/info.json" | sed -n "s/.*\"name\": *\"$control\",[^}]*\"min\": *\([-0-9.e]*\),[^}]*\"max\": *\([-0-9.e]*\).*/\1 \2/p")
    [ -n "$range" ] || continue
    files=
    for i in 0 1 2 3 4; do
        value=$(echo "$range $i" | awk '{printf "%.4f", $1 + ($2 - $1) * $3 / 4}')
        "$bin/liax" edit -y -q -m "$model" -s "$out/source.png" --edit "$control=$value" -o "$out/edits/$control-$i.png"
        files="$files $out/edits/$control-$i.png"
    done
    rows="$rows --row '$control $(echo "$range" | sed 's/ / to /')' $files"
done
eval "\"\$bin/liax-sheet\" \"\$out/contact-sheet.png\" --height 128 $rows"

echo "video:         $out/result.mp4"
echo "contact sheet: $out/contact-sheet.png"
awk "BEGIN {t = ($ended - $began) / 1e9; printf \"speed:         %d frames in %.1f s, %.1f frames per second\n\", $frames, t, $frames / t}"
