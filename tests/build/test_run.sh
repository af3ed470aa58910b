#!/bin/sh
# tests/run.sh itself, on programs that pass, fail, crash, break off, do nothing, or are not there. Prints TAP.
. tests/support/tap.sh
run=$(pwd)/tests/run.sh
program() { # program NAME TEXT
    printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
    chmod +x "$work/$1"
}
program slow 'sleep 1; echo "ok 1 - a"; echo "ok 2 - b # SKIP no such machine"; echo "not ok 3 # SKIP c"'
program fine 'echo "ok 1 - a"; echo "ok 2 - b"'
program fails 'echo "ok 1 - a"; echo "not ok 2 - b"; printf "a reason" >&2'
program crashes 'echo "ok 1 - a"; kill -SEGV $$'
program breaks_off 'echo "ok 1 - a"; echo "a reason" >&2; exit 255'
program silent 'exit 0'
program kills 'kill -KILL $PPID; echo "ok 1 - a"'

# ends STATUS LINES PROGRAM...: run.sh's status; its verdicts and counts, but for blanks and times
ends() {
    want=$1
    printf "$2" >"$work/want"
    shift 2
    (cd "$work" && "$run" build "$@" >said)
    status=$?
    cat "$work/said"
    grep -E '^not ok|passed' "$work/said" | sed -e 's/  *[0-9]* s$//' -e 's/  */ /g' | diff "$work/want" - && [ $status -eq "$want" ]
}
fine="fine 2 passed 0 failed 0 skipped"
slow="slow 1 passed 0 failed 2 skipped"
test_case "programs that pass: their counts, in the order asked for" ends 0 "$slow\n$fine\n3 passed, 0 failed, 2 skipped\n" ./slow ./fine
test_case "nothing skipped" ends 0 "$fine\n2 passed, 0 failed\n" ./fine
test_case "a failed test" ends 1 "$fine\nnot ok 2 - b\nfails 1 passed 1 failed 0 skipped\n3 passed, 1 failed\n" ./fine ./fails
test_case "with its reason" grep -q '^a reason$' "$work/said"
test_case "a crash" ends 1 "not ok - crashes ended with status 139; its last words:\ncrashes 1 passed 1 failed 0 skipped\n$fine\n3 passed, 1 failed\n" ./crashes ./fine
test_case "a program that breaks off" ends 1 "not ok - breaks_off ended with status 255; its last words:\nbreaks_off 1 passed 1 failed 0 skipped\n$fine\n3 passed, 1 failed\n" ./breaks_off ./fine
test_case "with its last words" grep -q '^a reason$' "$work/said"
quietly() { cd "$work" && "$run" --one build ./breaks_off; } # 255 would stop xargs
test_case "without stopping the others" quietly
test_case "a program without a test" ends 1 "not ok - silent ran no test\nsilent 0 passed 1 failed 0 skipped\n0 passed, 1 failed\n" ./silent
test_case "a program that is not there" ends 1 "not ok - absent ended with status 127; its last words:\nabsent 0 passed 1 failed 0 skipped\n0 passed, 1 failed\n" ./absent
test_case "a program whose runner is killed" ends 1 "not ok - kills did not run\n0 passed, 1 failed\n" ./kills
echo "1..$count"
