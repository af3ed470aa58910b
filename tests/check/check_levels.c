/* The CPU's levels (check.h). */
#include "check.h"

#if defined(__x86_64__)
#include "x86/x86.h"
#endif

int check_levels(CheckLevel out[CHECK_MAX_LEVELS])
{
    int n = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        out[n] = (CheckLevel){.name = "avx2", .peak = lx_peak_avx2};
        lx_kernels_ref(&out[n].table);
        lx_kernels_avx2(&out[n++].table);
        out[n] = (CheckLevel){.name = "avx512-pairs", .peak = lx_peak_avx2};
        lx_kernels_ref(&out[n].table);
        lx_kernels_avx512_pairs(&out[n++].table);
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq")) {
        out[n] = (CheckLevel){.name = "avx512", .peak = lx_peak_avx512};
        lx_kernels_ref(&out[n].table);
        lx_kernels_avx512(&out[n++].table);
        if (__builtin_cpu_supports("avx512bf16")) {
            out[n] = (CheckLevel){.name = "avx512bf16", .peak = lx_peak_avx512bf16};
            lx_kernels_ref(&out[n].table);
            lx_kernels_avx512bf16(&out[n++].table);
        }
    }
#else
    (void)out;
#endif
    return n;
}
