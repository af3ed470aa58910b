/* The arithmetic peak of AVX512_BF16 (peak.h). */
#include "x86/peak.h"
