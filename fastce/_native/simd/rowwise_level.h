/* The code behind rowwise.h for one instruction set, in float64 and in float32.
 * Included by each_level.h. */
#include "vector.h"

#include "real_double.h"
#include "elementary.h"
#include "long_rows.h"
#include "short_rows.h"
#include "rows.h"
#include "strided_rows.h"
#include "real_end.h"

#include "real_float.h"
#include "elementary.h"
#include "long_rows.h"
#include "short_rows.h"
#include "rows.h"
#include "strided_rows.h"
#include "real_end.h"
