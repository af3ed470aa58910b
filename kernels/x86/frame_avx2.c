/* This level's part of frame_simd.h. */
#include "x86/frame_simd.h"
