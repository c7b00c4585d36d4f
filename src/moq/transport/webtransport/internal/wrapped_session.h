#pragma once

#include <memory>

#include "moq/transport/session.h"
#include "moq/transport/webtransport/internal/core.h"

namespace moq::transport::webtransport {

/// The handle of an established session. Dropping it closes `core`.
std::unique_ptr<Session> make_session(std::shared_ptr<Core> core, std::string protocol,
                                      std::string path);

}  // namespace moq::transport::webtransport
