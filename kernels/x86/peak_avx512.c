/* The arithmetic peak of this level (peak.h). */
#include "x86/peak.h"
