#pragma once

#include "moq/base/result.h"

namespace moq::native {

/// Errors that no retry can mend.
bool is_terminal(const Error& error);

}  // namespace moq::native
