#include "vector.h"

/* float64 first: the float32 rows take their logarithms in double. */
#include "real_double.h"
#include "elementary.h"
#include "rows.h"
#include "real_end.h"

#include "real_float.h"
#include "elementary.h"
#include "rows.h"
#include "real_end.h"
