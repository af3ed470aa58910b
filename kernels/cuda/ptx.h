/*
 * The PTX instructions that the mma tier is made of, one function each. Under nvcc the text is the instruction; in the
 * emulated build it is the model of tests/emulator/ptx_emulator.h, which keeps to the same manual. All need sm_80.
 *
 * A sub-tile of 8x8 halves has lane l holding row l/4, columns 2*(l%4) and the next, in one register: the lower half is the
 * even column (PTX ISA, "Matrix multiply-accumulate operation using mma instruction", m16n8k16 with .f16).
 */
#ifndef LX_CUDA_PTX_H
#define LX_CUDA_PTX_H

#include "device.h"

#if defined(LX_EMULATE)
#include "ptx_emulator.h"
#else

/* LX_SHARED_DYNAMIC(float, p): p points to the launch's shared memory. The emulator has its own. */
#define LX_SHARED_DYNAMIC(type, name)                               \
    extern __shared__ __align__(128) unsigned char lx_shared_launch[]; \
    type *const name = (type *)lx_shared_launch

/* Where shared memory lies, as instructions name it. */
LX_DEVICE unsigned lx_shared_address(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }

/** Copy 16 bytes, both sides aligned to 16, to shared memory, past L1; zeros if not `there`: then nothing is read. Done for this
    thread after lx_cp_async_wait, for others after a barrier that follows it. */
LX_DEVICE void lx_cp_async(void *shared, const void *global, int there)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(lx_shared_address(shared)), "l"(global), "r"(there ? 16 : 0) : "memory");
}

/** What this thread has asked for since the last commit becomes a group. */
LX_DEVICE void lx_cp_async_commit(void) { asm volatile("cp.async.commit_group;" ::: "memory"); }

/** Until all of this thread's groups but the latest `pending` are done. */
template <int pending> LX_DEVICE void lx_cp_async_wait(void) { asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory"); }

/** Four sub-tiles of shared memory into r[0..3]: lane 8i + j gives the address of row j (16 bytes) of sub-tile i. */
LX_DEVICE void lx_ldmatrix(unsigned r[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(lx_shared_address(row))
                 : "memory");
}

/** The same, each sub-tile transposed: lane l gets column l/4, rows 2*(l%4) and the next. */
LX_DEVICE void lx_ldmatrix_transposed(unsigned r[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(lx_shared_address(row))
                 : "memory");
}

/** d[j][16x8] += a[16x16] b[j][16x8], for n of them. a: sub-tiles (rows 0-7, k 0-7), (rows 8-15, k 0-7), (rows 0-7, k 8-15),
    (rows 8-15, k 8-15). b: sub-tiles k 0-7 and k 8-15, transposed. d: lane l has row l/4, columns 2*(l%4) and the next, then the
    same of row l/4 + 8. */
template <int n> LX_DEVICE void lx_mma(float (&d)[n][4], const unsigned a[4], const unsigned (&b)[n][2])
{
    LX_UNROLL
    for (int j = 0; j < n; j++)
        asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
            : "+f"(d[j][0]), "+f"(d[j][1]), "+f"(d[j][2]), "+f"(d[j][3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[j][0]), "r"(b[j][1]));
}

/** a * b + c of two halves at once, each rounded once. */
LX_DEVICE unsigned lx_fma_halves(unsigned a, unsigned b, unsigned c)
{
    unsigned d;
    asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}

/** a * b likewise. */
LX_DEVICE unsigned lx_mul_halves(unsigned a, unsigned b)
{
    unsigned d;
    asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
    return d;
}

#endif
#endif
