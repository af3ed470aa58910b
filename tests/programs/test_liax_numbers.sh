#!/bin/sh
# liax: its numbers against the golden ones, at the lowest and the highest level of this machine.
. "$(dirname "$0")/liax_tests.sh"

# for_tolerance NAME: the tolerance that the manifest gives for an array
for_tolerance() {
    awk -F'|' -v n="\`tiny-64/$1\`" '{gsub(/ /, "", $2); gsub(/ /, "", $7)} $2 == n {print $7}' "$root/tests/golden/MANIFEST.md"
}
# gives NAME GOT FRAMES...: the array agrees with the golden one
gives() {
    golden_name=$1 got=$2
    shift 2
    run "$probe" npy "$golden/$golden_name" "$got" "$(for_tolerance "$golden_name")" "$@"
    ok "$level: $golden_name" $status
}

head="-e 1=0.9 -e 3=-0.7"
mouth="-e 6=0.8 -e 2=-0.4"

# ---- numbers, at each level
# shellcheck disable=SC2086
for level in ref default; do
    if [ $level = ref ]; then export LIAX_CPU=ref; else unset LIAX_CPU; fi
    works "$level: edit" "$liax" edit -m tiny.liax -s "$portrait" $head --npy edit.npy -o edit.png -y
    gives edit.npy edit.npy
    run "$probe" png "$golden/edit-90x70-u8.npy" edit.png 1
    ok "$level: the picture is the network's output in the portrait's size" $status
    works "$level: edit, published pixels" "$liax" edit -m tiny.liax -s "$portrait" $head -o edit-p.png -y --published-pixels
    run "$probe" png "$golden/edit-90x70-u8-published.npy" edit-p.png 1
    ok "$level: the published program's colours" $status
    works "$level: edit of the mouth, an edit given twice" "$liax" edit -m tiny.liax -s "$portrait" -e 6=0.1 $mouth --npy mouth.npy -y
    gives edit_mouth.npy mouth.npy
    works "$level: no edit" "$liax" edit -m tiny.liax -s "$portrait" --npy plain.npy -y
    gives reconstruct.npy plain.npy
    works "$level: animate, relative" "$liax" animate -m tiny.liax -s "$portrait" -d "$sequence" $head --npy relative.npy -y
    gives animate_relative.npy relative.npy
    works "$level: animate, absolute" "$liax" animate -m tiny.liax -s "$portrait" -d "$sequence" --absolute --npy absolute.npy -y
    gives animate_absolute.npy absolute.npy
    works "$level: edit-video" "$liax" edit-video -m tiny.liax -i "$sequence" $mouth --npy video.npy -y
    gives edit_video.npy video.npy
    works "$level: sweep" "$liax" sweep -m tiny.liax -s "$portrait" $head --npy sweep.npy -y
    gives manipulate.npy sweep.npy 0 7 15 31 47 63
    works "$level: sweep, one-sided" "$liax" sweep -m tiny.liax -s "$portrait" $mouth --npy sweep-m.npy -y
    gives manipulate_mouth.npy sweep-m.npy 0 7 15 31 47 63
    works "$level: motion" "$liax" motion -m tiny.liax -i "$sequence" --npy alpha.npy -o motion.json -y
    gives alpha_driving.npy alpha.npy
    works "$level: animate by a motion file" "$liax" animate -m tiny.liax -s "$portrait" -d motion.json $head --npy by-file.npy -y
    gives animate_relative.npy by-file.npy
done
# shellcheck disable=SC2086
for option in "--conv ref" "--conv direct" --low-memory "--threads 1" "--device cpu" "--precision f32"; do
    level=$option
    works "edit $option" "$liax" edit -m tiny.liax -s "$portrait" $head --npy edit.npy -y $option
    gives edit.npy edit.npy
done

run "$probe" npy "$golden/edit.npy" sweep.npy 1e9 63 # the shape alone
grep -q '^(64, 3, 64, 64)' out
ok "sweep's array has 64 frames" $?

# ---- anchors
works "an anchor by its number" "$liax" animate -m tiny.liax -s "$portrait" -d "$sequence" --anchor 2 --npy anchor-n.npy
works "an anchor by its file" "$liax" animate -m tiny.liax -s "$portrait" -d "$sequence" --anchor "$golden/driving-2.png" --npy anchor-f.npy
works "both anchors are one" "$probe" npy anchor-n.npy anchor-f.npy 0
works "frame 2 of it is the portrait at rest" "$probe" npy plain.npy anchor-n.npy 5e-5 2
run "$probe" npy plain.npy anchor-n.npy 5e-5 0
ok "frame 0 of it is not" $((status == 0))
works "an anchor in a motion file" "$liax" animate -m tiny.liax -s "$portrait" -d motion.json --anchor 2 --npy anchor-m.npy
works "it is the same too" "$probe" npy anchor-n.npy anchor-m.npy 1e-5
echo "1..$count"
