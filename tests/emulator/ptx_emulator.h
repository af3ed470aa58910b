/*
 * Models of the instructions of kernels/cuda/ptx.h, for the emulated build. They are strict: an address that is not aligned,
 * more copies under way than any kernel means to have, or an ldmatrix whose rows share banks of shared memory end the program
 * with a sentence; what a copy goes to is NaN until it was waited for.
 */
#ifndef PTX_EMULATOR_H
#define PTX_EMULATOR_H

#include "cuda_emulator.h"

void lx_cp_async(void *shared, const void *global, int there);
void lx_cp_async_commit(void);
void lx_emu_cp_async_wait(int pending);
template <int pending> void lx_cp_async_wait(void) { lx_emu_cp_async_wait(pending); }
void lx_ldmatrix(unsigned r[4], const void *row);
void lx_ldmatrix_transposed(unsigned r[4], const void *row);
void lx_emu_mma(float (*d)[4], const unsigned a[4], const unsigned (*b)[2], int n);
template <int n> void lx_mma(float (&d)[n][4], const unsigned a[4], const unsigned (&b)[n][2]) { lx_emu_mma(d, a, b, n); }
unsigned lx_fma_halves(unsigned a, unsigned b, unsigned c);
unsigned lx_mul_halves(unsigned a, unsigned b);

#endif
