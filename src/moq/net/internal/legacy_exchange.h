#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/kio/clock.h"
#include "moq/kio/task.h"
#include "moq/net/version.h"
#include "moq/transport/session.h"

/// The exchange of CLIENT_SETUP and SERVER_SETUP on the client's first bidirectional stream, where
/// the transport's protocol name does not settle the version. draft-ietf-moq-transport-14, SETUP.
namespace moq::net {

/// What the exchange leaves to the session: its first stream, which stays open as long as it, read
/// up to the end of the peer's SETUP and not a byte further.
struct LegacyGreeting {
  LegacyGreeting(Version picked, transport::BidiStream stream, Bytes of_peer)
      : version(picked),
        send(std::move(stream.send)),
        recv(std::move(stream.recv)),
        setup(std::move(of_peer)) {}

  Version version;
  std::unique_ptr<transport::SendStream> send;
  std::unique_ptr<transport::RecvStream> recv;
  Bytes setup;  ///< The body of the peer's SETUP, which decodes.
};

/// What a client says.
struct LegacyOffer {
  explicit LegacyOffer(std::vector<Version> to_offer) : versions(std::move(to_offer)) {}

  std::vector<Version> versions;  ///< Best first; each has a legacy setup.
  /// With the query, and host[:port], where the carrier has no URL. Only moq-transport takes them.
  std::optional<std::string> path;
  std::optional<std::string> authority;
};

/// The client's side: tells what it speaks, and waits for the server's choice, for as long as that
/// takes. Fails with `version` if that is none of the offer, with what closed the session, and with
/// `protocol_violation` for anything else than SERVER_SETUP. Clock and transport must outlive the
/// task.
kio::Task<Result<LegacyGreeting>> offer_versions(kio::Clock& clock, transport::Session& transport,
                                                 LegacyOffer offer);

/// The server's side: waits for CLIENT_SETUP and picks the first of the client's versions that is
/// one of `versions`. SERVER_SETUP is left to the session. Fails as `offer_versions`.
kio::Task<Result<LegacyGreeting>> pick_version(kio::Clock& clock, transport::Session& transport,
                                               std::span<const Version> versions);

}  // namespace moq::net
