#!/bin/sh
# Fuzz the readers of files with libFuzzer, ASan and UBSan (clang): fuzz.sh [SECONDS], for each target; the goldens are the seeds.
# What it finds is left in build-fuzz as crash-*. Run it in the repository's root.
set -eu
seconds=${1:-60}
out=build-fuzz
flags="-std=c11 -g -O1 -Iinclude -Ilib -Ikernels -Iweights-tools -I. -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined"
tools=$(ls weights-tools/*.c | grep -v /liax-)
motion="-Iexamples examples/liax/motion_*.c examples/media/media_target.c"
mkdir -p $out/container $out/checkpoint $out/motion
for target in container checkpoint motion; do
    # shellcheck disable=SC2086 # lists of words
    clang $flags -o $out/fuzz_$target tests/fuzz/fuzz_$target.c lib/container.c lib/core/alloc.c lib/core/file.c lib/core/half.c lib/core/hash.c \
        lib/core/log.c $tools $motion -ljansson -lavutil -lm
done
build/bin/liax-synth --size 8 --widths 4,2 --motions 2 $out/container/tiny.liax
build/bin/liax-synth --size 8 --widths 4,2 --motions 2 $out/checkpoint/tiny.safetensors
cp tests/golden/tiny-64*.pt $out/checkpoint/
for form in json liaxm; do
    build/bin/liax motion -q -y -m $out/container/tiny.liax -i tests/golden/tiny-64/driving-%d.png -o $out/motion/driving.$form
done
for target in container checkpoint motion; do
    $out/fuzz_$target -max_total_time="$seconds" -max_len=600000 -rss_limit_mb=4096 -artifact_prefix=$out/ $out/$target
done
