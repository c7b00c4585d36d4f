#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/capi/internal/task.h"
#include "moq/net/session.h"

namespace moq::capi {

/// The task of a server handle, with what it can be asked.
class ServerTask : public Task {
 public:
  ServerTask(Callback callback, std::string bound, std::vector<std::string> certificates)
      : Task(callback), address(std::move(bound)), fingerprints(std::move(certificates)) {}

  const std::string address;
  const std::vector<std::string> fingerprints;  ///< SHA-256 in hex.
};

/// The object of a session request's handle.
struct SessionRequest {
  SessionRequest(Runtime& runtime, net::Request asked);

  /// Belongs to the library's thread, where it is answered, and refused if nobody does.
  const std::shared_ptr<net::Request> request;
  std::string path;
  std::optional<std::string> query;
};

}  // namespace moq::capi
