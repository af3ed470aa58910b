#!/bin/sh
# The installed library as its users meet it: headers alone, exports, pkg-config, CMake, layers. Prints TAP.
. tests/support/tap.sh

# ---- headers
header() { printf '#include <liax/liax.h>\nint main(void) { return liax_version() == 0; }\n' >"$work/h.$2" && $1 -Iinclude -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$work/h.$2"; }
test_case "liax.h alone as C99" header "cc -std=c99" c
test_case "liax.h alone as C11" header "cc -std=c11" c
test_case "liax.h alone as C++17" header "c++ -std=c++17" cc
every_header_alone() {
    for h in lib/*.h lib/*/*.h kernels/*.h kernels/ref/*.h; do
        printf "#include \"%s\"\nextern int one;\n" "$h" >"$work/one.c"
        cc -std=c11 -I. -Iinclude -Ilib -Ikernels -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$work/one.c" || return 1
    done
}
test_case "every internal header stands alone" every_header_alone

# ---- exports
declared() { sed -n 's/^LIAX_API .*[ *]\(liax_[a-z0-9_]*\)(.*/\1/p' include/liax/liax.h | sort; }
exported() { nm -D --defined-only "$build/lib/libliax.so" | sed -n 's/.* [TDBRV] \([A-Za-z0-9_]*\)@@LIAX_0$/\1/p' | sort; }
same_exports() { declared >"$work/a" && exported >"$work/b" && [ -s "$work/a" ] && diff "$work/a" "$work/b"; }
test_case "libliax.so exports what liax.h declares, under LIAX_0" same_exports
no_other_exports() { ! nm -D --defined-only "$build/lib/libliax.so" | grep -v ' A LIAX_0' | grep -v '@@LIAX_0'; }
prefixed() { ! nm --defined-only -g "$build/lib/libliax.a" 2>/dev/null | grep -E ' [A-Z] ' | grep -vE ' (liax_|lx_)'; }
if [ "$sanitized" ]; then
    skip_case "nothing else is exported" "sanitizers add symbols"
    skip_case "every global symbol of libliax.a has a prefix" "sanitizers add symbols"
    skip_case "libliax.so needs libc, libm and pthreads only" "sanitizers add libraries"
else
    test_case "nothing else is exported" no_other_exports
    test_case "every global symbol of libliax.a has a prefix" prefixed
    needs() { ! objdump -p "$build/lib/libliax.so" | awk '/NEEDED/ {print $2}' | grep -vE '^(libc|libm|libpthread|ld-linux-x86-64)\.so'; }
    test_case "libliax.so needs libc, libm and pthreads only" needs
fi
soname() { objdump -p "$build/lib/libliax.so" | grep -q 'SONAME *libliax.so.0$'; }
test_case "SONAME is libliax.so.0" soname

# ---- install, then use from outside the tree
test_case "make install with DESTDIR and PREFIX" make install BUILD_DIR="$build" SAN= DESTDIR="$work/stage" PREFIX=/opt/liax
staged() {
    cd "$work/stage/opt/liax" || return 1
    for f in bin/liax bin/liax-convert bin/liax-inspect bin/liax-synth include/liax/liax.h include/liax/version.h lib/libliax.a lib/libliax.so lib/libliax.so.0 \
        lib/pkgconfig/liax.pc lib/cmake/liax/liax-config.cmake; do [ -e $f ] || { echo "no $f"; return 1; }; done
    grep -q '^prefix=/opt/liax$' lib/pkgconfig/liax.pc && [ ! -e bin/hello ] && [ ! -e bin/host ]
}
test_case "everything is where PREFIX says" staged
test_case "make install PREFIX" make install BUILD_DIR="$build" SAN= PREFIX="$work/usr"
export PKG_CONFIG_PATH="$work/usr/lib/pkgconfig" LD_LIBRARY_PATH="$work/usr/lib"
if [ "$sanitized" ]; then
    skip_case "programs outside the tree" "they would need the sanitizer's run time"
else
    c_user() { cp examples/hello.c "$work/" && cd "$work" && cc hello.c $(pkg-config --cflags --libs liax) -o hello && ./hello 2>&1 | grep -q -i usage; }
    test_case "README's program by pkg-config, in C" c_user
    host_user() { cp examples/host.c "$work/" && cd "$work" && cc -std=c11 -Wall -Wextra -Werror host.c $(pkg-config --cflags --libs liax) -lpthread -lm -o host && ./host 2>&1 | grep -q usage; }
    test_case "the host's program by pkg-config" host_user
    cat >"$work/user.cc" <<'CC'
#include <cstdio>
#include <liax/liax.h>
int main()
{
    LiaxModel *model = nullptr;
    char error[200] = "";
    LiaxModelOptions options = {};
    options.struct_size = sizeof options;
    options.error = error;
    options.error_size = sizeof error;
    const LiaxStatus status = liax_model_open(&model, "none.liax", &options);
    std::printf("%s %d %s\n", liax_version(), status, error);
    return status == LIAX_E_IO && !model ? 0 : 1;
}
CC
    cc_user() { cd "$work" && c++ -std=c++17 -Wall -Wextra -Werror user.cc $(pkg-config --cflags --libs liax) -o user && ./user; }
    test_case "a C++ program by pkg-config" cc_user
    static_user() { cd "$work" && c++ -std=c++17 user.cc -I"$work/usr/include" "$work/usr/lib/libliax.a" -lm -lpthread -o static && ./static; }
    test_case "a C++ program with libliax.a" static_user
    if command -v cmake >/dev/null; then
        cmake_user() {
            mkdir -p "$work/cm" && cd "$work/cm" && cp ../user.cc ../hello.c . || return 1
            cat >CMakeLists.txt <<'CM'
cmake_minimum_required(VERSION 3.16)
project(user C CXX)
find_package(liax REQUIRED)
add_executable(user user.cc)
target_link_libraries(user PRIVATE liax::liax)
add_executable(user-static user.cc)
target_link_libraries(user-static PRIVATE liax::liax-static)
add_executable(hello hello.c)
target_link_libraries(hello PRIVATE liax::liax)
CM
            cmake -S . -B out -DCMAKE_PREFIX_PATH="$work/usr" && cmake --build out && ./out/user && ./out/user-static
        }
        test_case "C and C++ programs by find_package(liax)" cmake_user
    else
        skip_case "C and C++ programs by find_package(liax)" "no cmake here"
    fi
fi
gone() { make uninstall BUILD_DIR="$build" SAN= PREFIX="$work/usr" && ! find "$work/usr" -type f | grep .; }
test_case "make uninstall leaves no file" gone

# ---- README
readme_program() { awk '/^```c$/ {on = 1; next} /^```$/ {on = 0} on' README.md | diff - examples/hello.c; }
test_case "README's program is examples/hello.c" readme_program

# ---- layers (docs/tour.md)
none_match() { grep -rnE "$@"; [ $? -eq 1 ]; } # 2: there is no such folder
test_case "no file in lib names a machine" none_match '\b(avx|avx2|avx512|sse[0-9]?|neon|x86|cuda_|cudaMalloc|__m256|__m512|immintrin)\b' lib --include=*.c --include=*.h
test_case "no file in kernels names a network" none_match '(lia_x|LIA-X|lx_encode|lx_decode|FlowRes|StyledConv|EncRes)' kernels --include=*.c --include=*.h
test_case "no backend or processor in a conditional of lib" none_match '^ *# *if.*(AVX|CUDA|x86|SSE|NEON|aarch64)' lib
test_case "core includes core alone" none_match '#include "(\.\.|lib|kernels|backend|kernels\.h|run\.h|model\.h|session\.h|container\.h)' lib/core
test_case "kernels include nothing of lib but core" none_match '#include "(run|bind|family|frame|model|session|container|structs|resample|blocks|lia_x)' kernels
test_case "examples know the public header alone" none_match '#include "(core|backend|kernels|run|model|session|container|lib)[/.]' examples
test_case "the library neither prints nor exits" none_match '\b(printf|puts|perror|exit|abort|fputs)\(' lib kernels --include=*.c
unique() { ! find lib kernels weights-tools examples -name '*.[ch]' | sed 's|.*/||' | sort | uniq -d | grep .; }
test_case "file names are unique" unique
no_state() { size -A "$build/lib/libliax.a" | awk '($1 == ".data" || $1 == ".bss" || $1 == ".tbss" || $1 == ".tdata") && $2 > 0 {print; bad = 1} END {exit bad}'; }
if [ "$sanitized" ]; then skip_case "the library has no writable globals" "sanitizers add some"; else test_case "the library has no writable globals" no_state; fi
echo "1..$count"
