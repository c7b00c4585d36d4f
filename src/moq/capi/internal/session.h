#pragma once

#include "moq/capi/internal/task.h"

namespace moq::capi {

/// The task of a session handle, with what can be asked of it meanwhile.
class SessionTask : public Task {
 public:
  using Task::Task;
};

}  // namespace moq::capi
