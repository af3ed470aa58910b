#!/bin/sh
# make check-avx512: the AVX-512 level beside the reference, and its goldens. A processor that has it runs all of both. For any other,
# Bochs boots Linux on a Skylake-X in software and runs a part of the comparator's cases and tiny-64: over half an hour, and a test that is
# skipped counts as failed. The last line is "N passed, N failed". check_avx512.sh BUILD; environment:
#   PATTERN  the comparator's tests, as "warp avx512:*"     MODELS  whose goldens; "" for none
#   KERNEL   a Linux kernel for the emulated machine         LIMIT   seconds that it may take
set -u
build=$1
avx512=$build/avx512
log=$avx512/log
here=yes
for feature in avx512f avx512bw avx512vl avx512dq; do grep -qw $feature /proc/cpuinfo || here=; done

stop() {
    echo "check-avx512: $1"
    exit 1
}

# tests BUILD FEW: a script that runs them and says of each program how it ended
tests() {
    echo "export CMOCKA_MESSAGE_OUTPUT=TAP LIAX_BUILD=$1"
    echo "$1/tests/check/test_kernels '${PATTERN:-* avx512:*}' $2; echo \"status \$?\""
    for model in $models; do echo "$1/tests/model/test_goldens $model avx512; echo \"status \$?\""; done
    echo "echo end"
}

# install_into ROOT FROM TO: a program with the libraries that it needs
install_into() {
    mkdir -p "$1/${3%/*}" && cp -L "$2" "$1/$3" || exit 1
    for library in $(ldd "$2" | grep -o '/[^ ]*'); do
        mkdir -p "$1${library%/*}" && cp -L "$library" "$1$library" || exit 1
    done
}

# Debian's kernel for virtual machines, unless KERNEL names one
find_kernel() {
    kernel=${KERNEL:-$(echo "$avx512"/kernel/boot/vmlinuz-*)}
    [ -r "$kernel" ] && return
    [ "${KERNEL:-}" ] && stop "KERNEL=$KERNEL cannot be read"
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: //p')
    [ "$package" ] && (cd "$avx512" && apt-get -qq download "$package" && dpkg -x "$package"_*.deb kernel) >&2
    kernel=$(echo "$avx512"/kernel/boot/vmlinuz-*)
    [ -r "$kernel" ] || stop "no Linux kernel could be fetched by apt-get download; name one: make check-avx512 KERNEL=/boot/vmlinuz-..."
}

make_disc() {
    root=$avx512/root
    disc=$avx512/disc
    rm -rf "$root" "$disc"
    mkdir -p "$root/proc" "$root/dev" "$root/tmp" "$root/tests/golden" "$disc/isolinux"
    for program in sh mount mkdir; do install_into "$root" "$(command -v $program)" bin/$program; done
    install_into "$root" "$build/tests/check/test_kernels" build/tests/check/test_kernels
    install_into "$root" "$build/tests/model/test_goldens" build/tests/model/test_goldens
    install_into "$root" "$build/bin/liax-convert" build/bin/liax-convert
    cp tests/golden/MANIFEST.md "$root/tests/golden"
    for model in $models; do cp -r "tests/golden/$model" "tests/golden/$model.pt" "$root/tests/golden" || return; done
    tests build 1 >"$root/tests/run"
    cat >"$root/init" <<-'end'
	#!/bin/sh
	export PATH=/bin
	mount -t proc proc /proc
	mount -t devtmpfs dev /dev
	sh tests/run
	echo o >/proc/sysrq-trigger
	while :; do :; done
	end
    chmod +x "$root/init"
    (cd "$root" && find . | cpio -o -H newc --quiet) >"$disc/isolinux/initrd"
    cp "$kernel" "$disc/isolinux/vmlinuz"
    cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$disc/isolinux"
    # Registers are saved by plain XSAVE: with XSAVES and XSAVEC (321) Linux finds their sizes in Bochs 2.7 inconsistent, and does without
    # AVX. A panic ends in a triple fault, and that ends Bochs.
    cat >"$disc/isolinux/isolinux.cfg" <<-end
	DEFAULT linux
	LABEL linux
	 LINUX vmlinuz
	 INITRD initrd
	 APPEND noxsaves clearcpuid=321 quiet console=ttyS0,115200 reboot=t panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check
	end
    xorriso -as mkisofs -quiet -o "$avx512/boot.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
        -boot-info-table "$disc" 2>"$avx512/xorriso.err"
}

# Its display is rfb, to which nobody need connect; what the guest prints on its serial port goes to the log.
boot() {
    cat >"$avx512/bochsrc" <<-end
	display_library: rfb, options="timeout=0"
	megs: 1024
	cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=0
	romimage: file=/usr/share/bochs/BIOS-bochs-latest
	vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
	boot: cdrom
	ata0-master: type=cdrom, path=$avx512/boot.iso, status=inserted
	com1: enabled=1, mode=file, dev=$log
	clock: sync=none, time0=1000000000
	speaker: enabled=0
	log: $avx512/bochs.log
	panic: action=fatal
	error: action=ignore
	info: action=ignore
	end
    echo continue >"$avx512/debugger"
    timeout "$limit" bochs -q -f "$avx512/bochsrc" -rc "$avx512/debugger" </dev/null >"$avx512/bochs.out" 2>&1
}

mkdir -p "$avx512" && : >"$log" || exit 1
limit=${LIMIT:-7200}
if [ "$here" ]; then
    models=${MODELS-tiny-64 small-128}
    tests "$build" 0 | timeout "$limit" sh >"$log" 2>&1
else
    models=${MODELS-tiny-64}
    for file in /usr/bin/bochs /usr/bin/xorriso /usr/bin/cpio /usr/share/bochs/BIOS-bochs-latest /usr/share/bochs/VGABIOS-lgpl-latest \
        /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32; do
        [ -r $file ] || stop "this processor has no AVX-512, and to emulate it $file is missing; on Debian:
  sudo apt-get install -y --no-install-recommends bochs bochsbios isolinux syslinux-common xorriso cpio"
    done
    find_kernel
    make_disc || stop "the disc to boot from could not be made"
    echo "AVX-512 in Bochs; its words go to $log"
    boot
fi
[ $? -eq 124 ] && late=", stopped after $limit seconds"
tr -d '\r' <"$log" | tee "$log.tap" | awk -v late="${late:-}" '
    {print}
    /^ok / {p++; good++}
    /^not ok / {f++; bad++}
    /^status / {
        if (!bad && ($2 || !good)) {f++; print "not ok - a program ended with status " $2 " after " good + 0 " tests"}
        good = bad = 0
    }
    /^end$/ {ended = 1}
    END {
        if (!ended) {f++; print "not ok - the tests did not come to their end" late}
        printf "%d passed, %d failed\n", p, f
        exit f > 0
    }'
