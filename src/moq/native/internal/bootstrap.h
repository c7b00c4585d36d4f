#pragma once

#include "moq/io/loop.h"
#include "moq/io/resolver.h"
#include "moq/native/url.h"
#include "moq/transport/quic/certificate.h"

namespace moq::native {

/// Largest answer taken from `/certificate.sha256`.
inline constexpr std::size_t kMaxBootstrapBytes = 16 << 10;
/// Longest wait for it.
inline constexpr Duration kBootstrapTimeout = 5s;

/// GET http://host:port/certificate.sha256: the SHA-256 of the one certificate to accept. In the
/// clear, so for development only.
kio::Task<Result<transport::quic::Fingerprint>> fetch_fingerprint(io::Loop& loop,
                                                                  io::Resolver& resolver, Url url);

}  // namespace moq::native
