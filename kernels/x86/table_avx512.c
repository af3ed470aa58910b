/* What this level adds to the table (table.h). */
#include "x86/table.h"
