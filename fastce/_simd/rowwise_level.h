#include "vector.h"

#include "real_float.h"
#include "elementary.h"
#include "rows.h"
#include "real_end.h"

#include "real_double.h"
#include "elementary.h"
#include "rows.h"
#include "real_end.h"
